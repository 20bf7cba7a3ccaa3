/** The packed executables under Wine: what they do without anything to serve. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Recorder } from "../../hcs/scripted/recorder.ts";
import { ScriptedBackend } from "../../hcs/scripted/backend.ts";
import { RuntimeInfo } from "../../protos/gen/types.ts";
import { WindowsMachine } from "./support/machine.ts";

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as {
  readonly version: string;
};
const SHIM = "containerd-shim-runhcs-v1";

describe("packed executables", function () {
  this.timeout(120_000);
  let machine: WindowsMachine;

  before(async () => {
    const platform = { windowsBuild: 20348, hostProcessors: 8, vmRuntimeId: "v" };
    machine = await WindowsMachine.boot(new ScriptedBackend(platform, [], new Recorder()));
  });
  after(async () => {
    await machine[Symbol.asyncDispose]();
  });

  it("containerd-shim-runhcs-v1 -v tells its version, and nothing else", async () => {
    const { exitCode, stdout, stderr } = await machine.run(SHIM, ["-v"]);
    assert.deepEqual([exitCode, stdout.toString(), stderr], [0, `${SHIM} ${version}\n`, ""]);
  });

  it("is not moved by NODE_OPTIONS", async () => {
    const { stdout, stderr } = await machine.run(SHIM, ["-v"], { env: { NODE_OPTIONS: "--no-such-option" } });
    assert.deepEqual([stdout.toString(), stderr], [`${SHIM} ${version}\n`, ""]);
  });

  it("containerd-shim-runhcs-v1 -info describes the runtime", async () => {
    const { exitCode, stdout } = await machine.run(SHIM, ["-info"]);
    assert.equal(exitCode, 0);
    assert.equal(RuntimeInfo.decode(stdout).name, "io.containerd.runhcs.v1");
  });

  it("hcsctl tells its commands", async () => {
    const { exitCode, stdout } = await machine.run("hcsctl", ["--help"]);
    assert.equal(exitCode, 0);
    assert.match(stdout.toString(), /^hcsctl .*\n[\s\S]*\bplan\b/);
  });

  it("hcsctl plan shows what a spec turns into", async () => {
    const spec = join(import.meta.dirname, "../golden/hcs/e2e-standalone/spec.json");
    machine.write("C:\\plan\\config.json", readFileSync(spec));
    const { exitCode, stdout, stderr } = await machine.run("hcsctl", ["plan", "C:\\plan\\config.json"]);
    assert.deepEqual([exitCode, stderr], [0, ""]);
    assert.match(stdout.toString(), /a\.exe/);
  });
});
