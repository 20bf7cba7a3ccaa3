import assert from "node:assert/strict";
import { getHeapCodeStatistics } from "node:v8";
import { IdleTrim, trimMemory } from "../../../../shim/hosting/idle-trim.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { turnsOfTheLoop } from "../../../support/turns.ts";

const MIB = 1024 * 1024;

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

describe("trimMemory", () => {
  it("frees buffers that nobody has any more, and the code of functions that do not run", async () => {
    const holder = { buffers: Array.from({ length: 64 }, () => Buffer.alloc(MIB, 1)) };
    const { arrayBuffers } = process.memoryUsage();
    holder.buffers = [];
    const { bytecode_and_metadata_size: bytecode } = getHeapCodeStatistics();
    await trimMemory();
    assert.ok(process.memoryUsage().arrayBuffers < arrayBuffers - 60 * MIB);
    assert.ok(getHeapCodeStatistics().bytecode_and_metadata_size < bytecode / 2);
  });
});
