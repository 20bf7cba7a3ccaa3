import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { IdleTrim } from "../../../../shim/hosting/idle-trim.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { turnsOfTheLoop } from "../../../support/turns.ts";

const MIB = 1024 * 1024;
const MODULE = pathToFileURL(join(import.meta.dirname, "../../../../shim/hosting/idle-trim.ts")).href;

/** A trim of a process whose memory is what the test says. */
function trimming(trim: () => Promise<void> = () => Promise.resolve()) {
  const clock = new ManualClock();
  const process = { resident: 40 * MIB, trims: 0, failures: [] as unknown[] };
  const idle = new IdleTrim({
    clock,
    resident: () => process.resident,
    trim: async () => {
      process.trims += 1;
      await trim();
    },
    onFailure: (error) => process.failures.push(error),
  });
  return { clock, process, idle };
}

describe("IdleTrim", () => {
  it("trims once when nobody has asked anything for ten seconds, however much was asked before", async () => {
    const { clock, process, idle } = trimming();
    for (let second = 0; second < 30; second += 1) {
      idle.touch(clock.monotonic());
      await clock.advance(1000);
    }
    assert.equal(process.trims, 0);
    await clock.advance(9000);
    assert.equal(process.trims, 1);
    await clock.advance(60_000);
    assert.equal(process.trims, 1);
  });

  it("trims again after calls that made the process grow by a mebibyte, and after no others", async () => {
    const { clock, process, idle } = trimming();
    for (const [grown, trims] of [
      [0, 1],
      [MIB - 1, 1],
      [1, 2],
      [0, 2],
    ] as const) {
      process.resident += grown;
      idle.touch(clock.monotonic());
      await clock.advance(10_000);
      assert.equal(process.trims, trims, `after ${grown} bytes more`);
    }
  });

  it("asks nothing of the clock while it is idle", async () => {
    const { clock, idle } = trimming();
    idle.touch(clock.monotonic());
    await clock.advance(10_000);
    assert.deepEqual(clock.pending, []);
  });

  it("tells of a heap that cannot be trimmed, and tries again after the next call", async () => {
    const failure = new Error("no such flag");
    const { clock, process, idle } = trimming(() => Promise.reject(failure));
    for (const count of [1, 2]) {
      idle.touch(clock.monotonic());
      await clock.advance(10_000);
      await turnsOfTheLoop();
      assert.deepEqual(process.failures, Array<unknown>(count).fill(failure));
    }
  });
});

/** Trims a process of its own: where V8 counts what tests run through, it keeps all code. */
function trimmedProcess(forgetsCode: boolean): Record<"before" | "after", { buffers: number; code: number }> {
  const program = `
    import { getHeapCodeStatistics } from "node:v8";
    import { trimMemory } from ${JSON.stringify(MODULE)};
    const sizes = () => ({
      buffers: process.memoryUsage().arrayBuffers,
      code: getHeapCodeStatistics().bytecode_and_metadata_size,
    });
    // Some hundred kilobytes of code: a program of any size.
    const functions = Array.from({ length: 1000 }, (_, n) => new Function("a", "return [a + " + n + ", {a}, a?.b ?? String(a)]"));
    for (const each of functions) each(1);
    let garbage = Array.from({ length: 64 }, () => Buffer.alloc(${MIB}, 1));
    const before = sizes();
    garbage = undefined;
    await trimMemory({ forgetsCode: ${forgetsCode} });
    process.stdout.write(JSON.stringify({ before, after: sizes(), functions: functions.length }));
  `;
  // Node hands the variable on to programs that it is left out for.
  const env = { ...process.env, NODE_V8_COVERAGE: "" };
  const args = ["--import", "tsx", "--input-type=module", "--no-warnings", "-e", program];
  const { stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: "utf8" });
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout) as ReturnType<typeof trimmedProcess>;
}

describe("trimMemory", () => {
  it("frees buffers that nobody has any more, and keeps code", () => {
    const { before, after } = trimmedProcess(false);
    assert.ok(after.buffers < before.buffers - 60 * MIB);
    assert.ok(after.code > before.code / 2, `${before.code} bytes before, ${after.code} after`);
  });

  it("drops the code of functions that do not run, where it is told to", () => {
    const { before, after } = trimmedProcess(true);
    assert.ok(after.code < before.code / 2, `${before.code} bytes before, ${after.code} after`);
  });
});
