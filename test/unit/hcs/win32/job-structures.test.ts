import assert from "node:assert/strict";
import {
  cpuRateControl,
  extendedLimit,
  groupAffinities,
  ioRateControl,
  processIdList,
  readProcessIds,
  readStatistics,
} from "../../../../hcs/win32/jobs/job-structures.ts";

describe("structures of jobs", () => {
  it("have the sizes that Windows requires of each class", () => {
    assert.equal(extendedLimit({ limitFlags: 0, affinity: 0, jobMemoryLimit: 0 }).length, 144);
    assert.equal(cpuRateControl({ controlFlags: 0, value: 0 }).length, 8);
    assert.equal(ioRateControl({ controlFlags: 0, maxIops: 0, maxBandwidth: 0 }).length, 40);
    assert.equal(
      groupAffinities([
        { group: 0, mask: 1 },
        { group: 1, mask: 1 },
      ]).length,
      32,
    );
  });

  it("hold numbers beyond 32 bits", () => {
    const limit = extendedLimit({ limitFlags: 0x200, affinity: 0, jobMemoryLimit: 5 * 2 ** 40 });
    assert.equal(limit.readBigUInt64LE(120), 5n * 2n ** 40n);
    assert.equal(groupAffinities([{ group: 3, mask: 2 ** 52 }]).readBigUInt64LE(0), 2n ** 52n);
  });
});

describe("readProcessIds", () => {
  it("reads all, and tells when there was too little room", () => {
    const list = processIdList(2);
    assert.deepEqual(readProcessIds(list), []);
    list.writeUInt32LE(2, 0);
    list.writeUInt32LE(2, 4);
    list.writeBigUInt64LE(7n, 8);
    list.writeBigUInt64LE(4_000_000_000n, 16);
    assert.deepEqual(readProcessIds(list), [7, 4_000_000_000]);
    list.writeUInt32LE(3, 0);
    assert.equal(readProcessIds(list), undefined);
  });
});

describe("readStatistics", () => {
  it("takes each number from its place", () => {
    const numbers = (...values: number[]): Buffer => {
      const bytes = Buffer.alloc(8 * values.length);
      values.forEach((value, index) => bytes.writeBigUInt64LE(BigInt(value), 8 * index));
      return bytes;
    };
    assert.deepEqual(
      readStatistics({
        accounting: numbers(1, 2, 0, 0, 0, 0),
        memory: numbers(3, 4),
        io: numbers(0, 5, 0, 0, 6, 7, 0, 0, 8),
      }),
      {
        totalUserTime100ns: 1,
        totalKernelTime100ns: 2,
        memoryBytes: 3,
        peakMemoryBytes: 4,
        readOperations: 5,
        readBytes: 6,
        writeOperations: 7,
        writeBytes: 8,
      },
    );
  });
});
