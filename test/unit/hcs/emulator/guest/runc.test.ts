import assert from "node:assert/strict";
import { chmodSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Reaper } from "../../../../../hcs/emulator/guest/reaper.ts";
import { lastError, resultOfRuncText, Runc } from "../../../../../hcs/emulator/guest/runc.ts";
import { makeShortDirectory } from "../../../../support/temp-directory.ts";

describe("resultOfRuncText", () => {
  for (const [text, result] of [
    ['container "x" does not exist', 0xc037010e],
    ["container does not exist", 0xc037010e],
    ["container with given ID already exists", 0xc037010f],
    ["container with id exists: x", 0xc037010f],
    ["invalid container ID format: a b", 0x80070057],
    ["invalid id format", 0x80070057],
    ["cannot delete container x that is not stopped: running", 0x80370105],
    ["container is still running", 0x80370105],
    ["container not running", 0xc0370110],
    ['exec: "/nope": stat /nope: no such file or directory', 0x80004005],
  ] as const) {
    it(`is 0x${result.toString(16)} for "${text}"`, () => {
      assert.equal(resultOfRuncText(text), result);
    });
  }
});

describe("lastError", () => {
  it("finds the last error of a log, whatever else is in it", () => {
    const log = [
      '{"level":"error","msg":"first"}',
      '{"level":"error","msg":"last"}',
      '{"level":"warning","msg":"later"}',
      "panic: not JSON",
      '{"level":"error","ms',
    ].join("\n");
    assert.equal(lastError(log), "last");
    assert.equal(lastError(""), undefined);
    assert.equal(lastError('{"level":"info","msg":"x"}\n'), undefined);
  });
});

describe("Runc", () => {
  let directory: string;
  let runc: Runc;

  beforeEach(async () => {
    directory = await makeShortDirectory("runc-");
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  /** A stand-in for runc: a shell script that notes its arguments. */
  function script(body: string): void {
    const command = join(directory, "runc");
    writeFileSync(command, `#!/bin/sh\nprintf '%s\\n' "$@" > ${directory}/args\n${body}\n`);
    chmodSync(command, 0o755);
    runc = new Runc({ root: "/root-dir", temporary: join(directory, "tmp"), reaper: new Reaper(), command });
  }

  function argumentsOf(): string[] {
    return readFileSync(join(directory, "args"), "utf8").trimEnd().split("\n");
  }

  it("calls runc with its root and a log, and cleans up after it", async () => {
    script("exit 0");
    await runc.start("c");
    assert.deepEqual(argumentsOf(), [
      ...["--root", "/root-dir", "--log", join(directory, "tmp/1/log"), "--log-format", "json"],
      ...["start", "c"],
    ]);
    assert.deepEqual(readdirSync(join(directory, "tmp")), []);
  });

  it("fails with the text and meaning of the log's last error", async () => {
    script(`echo '{"level":"error","msg":"container not running"}' > ${"$4"}; exit 1`);
    await assert.rejects(runc.start("c"), { hresult: 0xc0370110, message: "container not running" });
    assert.deepEqual(readdirSync(join(directory, "tmp")), []);
  });

  it("fails with the status when there is no log", async () => {
    script("exit 3");
    await assert.rejects(runc.delete("c"), {
      hresult: 0x80004005,
      message: "runc delete ended with status 3",
    });
    script("kill -9 $$");
    await assert.rejects(runc.delete("c"), { message: "runc delete ended with status signal SIGKILL" });
  });

  it("fails when runc does not exist", async () => {
    runc = new Runc({
      root: "/r",
      temporary: join(directory, "tmp"),
      reaper: new Reaper(),
      command: "/no/runc",
    });
    await assert.rejects(runc.start("c"), /cannot run runc/);
  });

  it("hands resources over on standard input, with integers of 64 bits", async () => {
    script(`cat > ${"$0"}.input`);
    await runc.update("c", { memory: { limit: 2n ** 63n - 4096n } } as never);
    assert.equal(
      readFileSync(join(directory, "runc.input"), "utf8"),
      '{"memory":{"limit":9223372036854771712}}',
    );
  });

  it("does not mind a runc that leaves its input unread", async () => {
    script("exec <&-; exit 0");
    await runc.update("c", { devices: Array.from({ length: 50_000 }, () => ({ allow: true })) });
  });

  it("reads the pid of what it has launched", async () => {
    script(`while [ "$1" != --pid-file ]; do shift; done; printf 4711 > $2`);
    const launched = await runc.exec("c", { args: ["/bin/true"] }, { child: ["ignore", "ignore", "ignore"] });
    assert.equal(launched.pid, 4711);
    assert.deepEqual(argumentsOf().slice(6, 9), ["exec", "--detach", "--process"]);
    script("exit 0");
    await assert.rejects(runc.create("c", "/bundle", { child: [] }), /ENOENT|no process id/);
  });

  it("fails without waiting for a terminal when runc fails", async () => {
    script("exit 1");
    await assert.rejects(runc.create("c", "/bundle", "terminal"), /runc create ended with status 1/);
    assert.ok(argumentsOf().includes("--console-socket"));
    assert.deepEqual(readdirSync(join(directory, "tmp")), []);
  });
});
