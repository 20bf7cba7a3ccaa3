import assert from "node:assert/strict";
import { CommandError, RunningCommand, mustRun, runCommand } from "../../support/command.ts";

describe("runCommand", () => {
  it("gives exit status and both outputs", async () => {
    const result = await runCommand("sh", ["-c", "echo out; echo err >&2; exit 7"]);
    assert.equal(result.code, 7);
    assert.equal(result.stdout.toString(), "out\n");
    assert.equal(result.stderr, "err\n");
  });

  it("gives the signal that ended the program", async () => {
    const result = await runCommand("sh", ["-c", "kill -TERM $$"]);
    assert.deepEqual([result.code, result.signal], [undefined, "SIGTERM"]);
  });

  it("passes input on and does not mind a program that ignores it", async () => {
    assert.equal((await runCommand("cat", [], { input: "hello" })).stdout.toString(), "hello");
    assert.equal((await runCommand("true", [], { input: Buffer.alloc(1 << 20) })).code, 0);
  });

  it("adds to the environment and removes from it", async () => {
    const env = { ONE_MORE: "yes", HOME: undefined };
    const result = await runCommand("sh", ["-c", 'echo "$ONE_MORE-${HOME-none}"'], { env });
    assert.equal(result.stdout.toString(), "yes-none\n");
  });

  it("kills a program that takes too long and says what it had written", async () => {
    await assert.rejects(
      runCommand("sh", ["-c", "echo stuck >&2; exec sleep 1000"], { timeoutMs: 300 }),
      (error) => error instanceof CommandError && /still running after 300 ms: stuck/.test(error.message),
    );
  });

  it("reports a program that does not exist", async () => {
    const result = await runCommand("/nonexistent/program", []);
    assert.equal(result.code, undefined);
    assert.match(result.stderr, /ENOENT/);
  });
});

describe("mustRun", () => {
  it("gives the output without the last line break", async () => {
    assert.equal(await mustRun("printf", ["a\\nb\\n"]), "a\nb");
  });

  it("throws with exit status and what the program said", async () => {
    await assert.rejects(mustRun("sh", ["-c", "echo no such thing >&2; exit 3"]), {
      name: "CommandError",
      message: 'cannot run "sh -c echo no such thing >&2; exit 3": exit status 3: no such thing',
    });
  });
});

describe("RunningCommand", () => {
  it("talks to a program while it runs", async () => {
    const cat = new RunningCommand("cat", [], { stdin: "pipe" });
    assert.equal(cat.isRunning, true);
    cat.stdin.write("first ");
    cat.stdin.end("second");
    assert.equal((await cat.wait()).stdout.toString(), "first second");
    assert.equal(cat.output, "first second");
    assert.equal(cat.isRunning, false);
  });
});
