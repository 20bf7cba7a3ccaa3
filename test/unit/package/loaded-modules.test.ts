import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { bundleOptions } from "../../../scripts/build/bundle.ts";

/** Tells on file descriptor 2 what `require` was asked for and which internal modules were loaded, at the end. */
const WITNESS = `
const asked = new Set(), { Module } = require("node:module"), load = Module._load;
Module._load = (request, ...rest) => (asked.add(request), load(request, ...rest));
const before = new Set(process.moduleLoadList);
process.on("exit", () => {
  const internal = process.moduleLoadList.filter((name) => !before.has(name));
  require("fs").writeSync(2, "\\nLOADED " + JSON.stringify({ asked: [...asked], internal }) + "\\n");
});`;

interface Loaded {
  readonly asked: readonly string[];
  readonly internal: readonly string[];
}

const FLAGS = ["-namespace", "test", "-address", "none", "-publish-binary", "none", "-id", "test"];
const LOST_WORKLOAD = {
  annotations: { "io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "none" },
};

describe("modules that a command loads", function () {
  this.timeout(60_000);
  let directory: string;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "runhcs-loaded-"));
    await build({
      ...bundleOptions("shim/main.ts"),
      outfile: join(directory, "main.cjs"),
    });
    writeFileSync(join(directory, "witness.cjs"), WITNESS);
    writeFileSync(join(directory, "config.json"), JSON.stringify(LOST_WORKLOAD));
  });
  after(() => rmSync(directory, { recursive: true }));

  function loadedBy(...args: readonly string[]): Loaded {
    const { stderr } = spawnSync(
      process.execPath,
      ["-r", join(directory, "witness.cjs"), join(directory, "main.cjs"), ...args],
      { cwd: directory, encoding: "utf8", env: { PATH: process.env["PATH"] }, input: "" },
    );
    return JSON.parse(/^LOADED (.*)$/m.exec(stderr)?.[1] ?? "null") as Loaded;
  }

  /** What costs a millisecond or more each, and none of these commands needs. */
  const COSTLY =
    /NativeModule (child_process|cluster|crypto|dns|fs\/promises|http|https|os|perf_hooks|tls|tty|worker_threads|zlib)$/;

  for (const [name, args] of [
    ["-v", ["-v"]],
    ["-info", ["-info"]],
    ["start", [...FLAGS, "start"]],
    ["delete", [...FLAGS, "-bundle", "/nonexistent", "delete"]],
  ] as const) {
    it(`are few for ${name}, and all of them Node's`, () => {
      const { asked, internal } = loadedBy(...args);
      assert.deepEqual(
        asked.filter((request) => !request.startsWith("node:") && !request.endsWith("main.cjs")),
        // The witness asks for it.
        ["fs"].filter((request) => asked.includes(request)),
      );
      assert.deepEqual(
        internal.filter((module) => COSTLY.test(module)),
        [],
      );
    });
  }

  it("are not even sockets for -v and -info", () => {
    for (const flag of ["-v", "-info"]) {
      const { internal } = loadedBy(flag);
      assert.deepEqual(
        internal.filter((module) => module === "NativeModule net"),
        [],
      );
    }
  });
});
