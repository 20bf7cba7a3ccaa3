/** What the first process of a container has to do: signals, copies as they are, full disks. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmodSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Task } from "../../protos/gen/task-v2.ts";
import type { IsolatedContainer } from "../../shim/agent/runtime/runtime.ts";
import { emulatorObstacle } from "../contract/emulator-under-test.ts";
import { AgentFixture, saidBy } from "../support/agent-fixture.ts";

const MIB = 1 << 20;
const SIGTERM = 15;

const SMALL_DISK = { destination: "/small", type: "tmpfs", source: "tmpfs", options: ["size=1m"] };

describe("an agent as first process of its container", function () {
  this.timeout(90_000);
  let fixture: AgentFixture;
  let container: IsolatedContainer;

  before(async function () {
    if (emulatorObstacle() !== undefined) this.skip();
    fixture = await AgentFixture.create();
    container = await fixture.startAndOpen("first", { mounts: [SMALL_DISK] });
  });
  after(() => fixture?.close());

  it("hands on what it is told to the programs it runs, and goes when they have gone", async () => {
    const other = await fixture.startAndOpen("told");
    let heard = "";
    const { client } = fixture.shim;
    const result = await other.exec({
      argv: ["sh", "-c", "trap 'echo told; exit 5' TERM; echo up; sleep 1000 & wait"],
      onOutput: async (_stream, bytes) => {
        heard += Buffer.from(bytes).toString();
        if (heard === "up\n") await client.call(Task, "Kill", { id: "told", signal: SIGTERM });
      },
    });
    assert.deepEqual([result.exitCode, heard], [5, "up\ntold\n"]);
    assert.equal((await client.call(Task, "Wait", { id: "told" })).exitStatus, 0);
    assert.equal((await other.died).planned, false);
  });

  it("copies files with their modes and times, both ways", async () => {
    const source = fixture.makeDirectory("kept", { "run.sh": "#!/bin/sh\n", "d/secret": "s" });
    chmodSync(join(source, "run.sh"), 0o755);
    chmodSync(join(source, "d/secret"), 0o600);
    for (const name of ["run.sh", "d/secret"]) utimesSync(join(source, name), 1_000_000_000, 1_000_000_000);
    const put = await container.put(source, "/kept");
    assert.equal(
      await saidBy(container, "stat", "-c", "%a %Y", "/kept/run.sh", "/kept/d/secret"),
      "755 1000000000\n600 1000000000\n",
    );
    const target = join(fixture.directory, "kept-back");
    const got = await container.get("/kept", target);
    for (const [name, mode] of [
      ["run.sh", 0o755],
      ["d/secret", 0o600],
    ] as const) {
      const { mode: found, mtimeMs } = statSync(join(target, name));
      assert.deepEqual([found & 0o777, mtimeMs], [mode, 1e12], name);
    }
    assert.deepEqual([put.files, put.bytes], [2, 11]);
    assert.deepEqual(got, put);
  });

  it("says that a disk is full before it is, and leaves nothing on it", async () => {
    const source = fixture.makeDirectory("large");
    writeFileSync(join(source, "big"), randomBytes(2 * MIB));
    await assert.rejects(
      container.put(source, "/small/in"),
      /no space for "big": it has 2097152 bytes, \d+ are free/,
    );
    assert.equal(await saidBy(container, "ls", "-A", "/small/in"), "");
  });

  it("leaves nothing that looks complete when a copy out is given up in the middle", async () => {
    await saidBy(container, "dd", "if=/dev/zero", "of=/half", "bs=1M", "count=32");
    const target = join(fixture.directory, "half");
    const controller = new AbortController();
    await assert.rejects(
      container.get("/half", target, {
        signal: controller.signal,
        onProgress: () => controller.abort(new Error("no more")),
      }),
      /no more/,
    );
    assert.deepEqual(readdirSync(target), []);
    assert.equal((await container.exec({ argv: ["true"] })).exitCode, 0);
  });
});
