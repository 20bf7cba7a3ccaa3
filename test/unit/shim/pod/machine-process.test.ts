import assert from "node:assert/strict";
import { realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { text } from "node:stream/consumers";
import { onMachine } from "../../../../shim/pod/host-command.ts";
import { startOnMachine } from "../../../../shim/pod/machine-process.ts";

const ALL = { stdin: true, stdout: true, stderr: true };
const node = (script: string): string[] => [process.execPath, "-e", script];

describe("startOnMachine", () => {
  it("runs a program with its streams, in its directory", async () => {
    const script = "process.stdin.pipe(process.stdout); console.error(process.cwd()); process.exitCode = 7";
    const started = await startOnMachine(node(script), tmpdir(), ALL);
    const { stdin, stdout, stderr } = started.stdio;
    stdin?.end("input");
    assert.equal(await text(stdout!), "input");
    assert.equal(await text(stderr!), `${realpathSync(tmpdir())}\n`);
    assert.deepEqual(await started.exited, { exitCode: 7 });
    assert.ok(started.processId > 0);
    assert.equal(await started.terminate(), "gone");
  });

  it("ends its input, and the program itself, when told to", async () => {
    const cat = await startOnMachine(node("process.stdin.pipe(process.stdout)"), "", ALL);
    await cat.closeStdin();
    assert.deepEqual(await cat.exited, { exitCode: 0 });
    const endless = await startOnMachine(node("setInterval(() => {}, 1000)"), "", ALL);
    assert.equal(await endless.terminate(), "delivered");
    assert.deepEqual(await endless.exited, { exitCode: 137 });
  });

  it("has no streams that nobody wants", async () => {
    const streams = { stdin: false, stdout: true, stderr: false };
    const started = await startOnMachine(node("0"), "", streams);
    assert.deepEqual(Object.keys(started.stdio), ["stdout"]);
    started.stdio.stdout?.resume();
    await started.exited;
  });

  it("says which program is not there", async () => {
    const failed = startOnMachine(["/nowhere/program", "x"], "", ALL);
    await assert.rejects(failed, {
      code: "GUEST_COMMAND_FAILED",
      message: /cannot run "\/nowhere\/program x" on this machine: .*ENOENT/,
    });
  });
});

describe("onMachine", () => {
  it("has no terminals", () => {
    const stdio = { terminal: true, stdin: "", stdout: "", stderr: "" };
    const command = { args: ["sh"], workingDirectory: "", stdio };
    assert.throws(() => onMachine(command, ALL, new AbortController().signal), { code: "UNSUPPORTED" });
  });
});
