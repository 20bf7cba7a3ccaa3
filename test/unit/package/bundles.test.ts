import assert from "node:assert/strict";
import { build } from "esbuild";
import { bundleOptions } from "../../../scripts/build/bundle.ts";

/** Packages and sources that a bundle is made of. */
async function contents(entry: string): Promise<{ packages: string[]; sources: string[] }> {
  const { metafile } = await build({
    ...bundleOptions(entry),
    write: false,
    metafile: true,
    outdir: "unused",
  });
  const inputs = Object.entries(metafile.inputs);
  const imported = inputs.flatMap(([, { imports }]) =>
    imports.filter(({ external }) => external).map(({ path }) => path),
  );
  const packages = inputs.flatMap(([path]) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
  return {
    packages: [...new Set([...packages, ...imported.filter((path) => path === "koffi")])].sort(),
    sources: inputs.map(([path]) => path),
  };
}

describe("bundles", function () {
  this.timeout(60_000);

  it("of start, delete and -info hold a TOML parser and nothing else that is not ours", async () => {
    assert.deepEqual((await contents("shim/main.ts")).packages, ["smol-toml"]);
  });

  it("of start, delete and -info hold nothing of the daemon", async () => {
    const { sources } = await contents("shim/main.ts");
    const daemon = sources.filter((path) =>
      /^shim\/(service|pod|task|io|events|log|stats|ttrpc)\//.test(path),
    );
    assert.deepEqual(daemon, []);
  });

  it("of the daemon hold neither gRPC nor protobuf reflection", async () => {
    const { packages } = await contents("shim/serve.ts");
    assert.deepEqual(
      packages.filter((name) => /^@grpc|^protobufjs/.test(name)),
      [],
    );
    assert.ok(packages.includes("winston"));
  });

  it("of the VM worker hold the system calls and no logger", async () => {
    const { packages } = await contents("hcs/emulator/worker/main.ts");
    assert.deepEqual(
      packages.filter((name) => /winston|grpc|protobuf/.test(name)),
      [],
    );
    assert.ok(packages.includes("koffi"));
  });
});
