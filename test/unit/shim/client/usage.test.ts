import assert from "node:assert/strict";
import { packAny } from "../../../../protos/any.ts";
import * as cgroups from "../../../../protos/gen/cgroups-v1.ts";
import * as unified from "../../../../protos/gen/cgroups-v2.ts";
import type { Any } from "../../../../protos/gen/google.ts";
import * as stats from "../../../../protos/gen/stats.ts";
import { cpuPercent, usageOf } from "../../../../shim/client/usage.ts";

const AT = new Date(0);

const CGROUPS = cgroups.Metrics.create({
  cpu: cgroups.CPUStat.create({ usage: cgroups.CPUUsage.create({ total: 5_000n }) }),
  memory: cgroups.MemoryStat.create({ usage: cgroups.MemoryEntry.create({ usage: 7n, max: 9n }) }),
});
const UNIFIED = unified.Metrics.create({
  cpu: unified.CPUStat.create({ usageUsec: 5n }),
  memory: unified.MemoryStat.create({ usage: 7n, maxUsage: 9n }),
});
const WINDOWS = stats.WindowsContainerStatistics.create({
  processor: stats.WindowsContainerProcessorStatistics.create({ totalRuntimeNs: 5_000n }),
  memory: stats.WindowsContainerMemoryStatistics.create({
    memoryUsageCommitBytes: 7n,
    memoryUsageCommitPeakBytes: 9n,
  }),
});

describe("usageOf", () => {
  const cases: [what: string, data: Any][] = [
    ["control groups", packAny(cgroups.Metrics, CGROUPS)],
    ["the unified hierarchy", packAny(unified.Metrics, UNIFIED)],
    ["a Windows container", packAny(stats.Statistics, { windows: WINDOWS })],
    ["a Linux container on Windows", packAny(stats.Statistics, { linux: CGROUPS })],
  ];
  for (const [what, data] of cases) {
    it(`reads what is measured of ${what}`, () => {
      const usage = { at: AT, cpuTimeNs: 5_000n, memoryBytes: 7n, memoryPeakBytes: 9n };
      assert.deepEqual(usageOf(AT, data), usage);
    });
  }

  it("knows nothing of other kinds", () => {
    assert.equal(usageOf(AT, { typeUrl: "other", value: new Uint8Array() }), undefined);
    assert.equal(usageOf(AT, packAny(stats.Statistics, {})), undefined);
  });
});

describe("cpuPercent", () => {
  const sample = (ms: number, cpuTimeNs: bigint) => ({
    at: new Date(ms),
    cpuTimeNs,
    memoryBytes: 0n,
    memoryPeakBytes: 0n,
  });

  it("is the part of one processor between two samples", () => {
    assert.equal(cpuPercent(sample(1000, 0n), sample(3000, 1_000_000_000n)), 50);
    assert.equal(cpuPercent(sample(0, 0n), sample(1000, 2_000_000_000n)), 200);
    assert.equal(cpuPercent(sample(5, 0n), sample(5, 7n)), 0);
  });
});
