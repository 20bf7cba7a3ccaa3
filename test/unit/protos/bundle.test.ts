import assert from "node:assert/strict";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

import { build, type BuildResult } from "esbuild";

/** Bundles a program of one module as the executables are bundled. */
async function bundle(contents: string): Promise<BuildResult<{ metafile: true; write: false }>> {
  return build({
    stdin: { contents, resolveDir: dirname(fileURLToPath(import.meta.url)), loader: "ts" },
    bundle: true,
    platform: "node",
    format: "cjs",
    write: false,
    metafile: true,
  });
}

describe("a bundle", () => {
  it("holds the message types that are used, and no others", async () => {
    const result = await bundle(`
      import { StateRequest } from "../../../protos/gen/task-v2.ts";
      process.stdout.write(StateRequest.encode({ id: "a" }));
    `);
    const names = result.outputFiles[0]?.text.match(/"(containerd|google|runtime)\.[\w.]+"/g);
    assert.deepEqual(names, ['"containerd.task.v2.StateRequest"']);
  });

  it("holds every message type of a service that is used", async () => {
    const result = await bundle(`
      import { Events } from "../../../protos/gen/events.ts";
      globalThis.events = Events;
    `);
    const text = result.outputFiles[0]?.text ?? "";
    for (const name of [
      "containerd.services.events.ttrpc.v1.ForwardRequest",
      "containerd.types.Envelope",
      "google.protobuf.Any",
    ]) {
      assert.ok(text.includes(`"${name}"`), name);
    }
    assert.ok(!text.includes("containerd.events.TaskExit"));
  });

  it("needs no package", async () => {
    const result = await bundle('export * from "../../../protos/index.ts";');
    const inputs = Object.keys(result.metafile.inputs);
    assert.ok(inputs.some((path) => path.endsWith("protos/gen/cri.ts")));
    assert.deepEqual(
      inputs.filter((path) => path.includes("node_modules")),
      [],
    );
  });
});
