import assert from "node:assert/strict";
import { unpackAny } from "../../../../protos/any.ts";
import { Metrics } from "../../../../protos/gen/cgroups-v1.ts";
import { Statistics } from "../../../../protos/gen/stats.ts";
import { statsPayload } from "../../../../shim/stats/stats.ts";

describe("statsPayload", () => {
  it("is cgroup metrics for containerd on Linux, without losing precision", () => {
    const any = statsPayload("cgroups", {
      LCOWMetrics: {
        cpu: { usage: { total: 9007199254740993n, per_cpu: [1, 2] }, throttling: { throttled_time: 5 } },
        memory: {
          total_inactive_file: 7,
          usage: { limit: 9223372036854771712n, usage: 3 },
          kernel_tcp: { failcnt: 1 },
        },
        memory_oom_control: { oom_kill: 2 },
        hugetlb: [{ pagesize: "2MB", max: 4 }],
        pids: { current: 6 },
      },
    });
    const metrics = unpackAny(any, Metrics);
    assert.ok(metrics);
    assert.equal(metrics.cpu?.usage?.total, 9007199254740993n);
    assert.deepEqual(metrics.cpu?.usage?.perCpu, [1n, 2n]);
    assert.equal(metrics.cpu?.throttling?.throttledTime, 5n);
    assert.equal(metrics.memory?.totalInactiveFile, 7n);
    assert.deepEqual(
      [metrics.memory?.usage?.limit, metrics.memory?.usage?.usage],
      [9223372036854771712n, 3n],
    );
    assert.equal(metrics.memory?.kernelTcp?.failcnt, 1n);
    assert.equal(metrics.memoryOomControl?.oomKill, 2n);
    assert.deepEqual(
      metrics.hugetlb.map(({ pagesize, max }) => [pagesize, max]),
      [["2MB", 4n]],
    );
    assert.equal(metrics.pids?.current, 6n);
  });

  it("has every section also when nothing is known: consumers do not look twice", () => {
    const metrics = unpackAny(statsPayload("cgroups", {}), Metrics);
    assert.ok(metrics?.cpu?.usage && metrics.memory?.usage && metrics.pids && metrics.memoryOomControl);
  });

  it("is runhcs statistics on Windows, in nanoseconds", () => {
    const any = statsPayload("runhcs", {
      Statistics: {
        Timestamp: "2025-01-02T03:04:05.1234567Z",
        Uptime100ns: 12,
        Processor: { TotalRuntime100ns: 3, RuntimeUser100ns: 1, RuntimeKernel100ns: 2 },
        Memory: { MemoryUsagePrivateWorkingSetBytes: 4096 },
      },
    });
    const windows = unpackAny(any, Statistics)?.windows;
    assert.deepEqual(windows?.timestamp, {
      seconds: BigInt(Date.UTC(2025, 0, 2, 3, 4, 5) / 1000),
      nanos: 123456700,
    });
    assert.equal(windows?.uptimeNs, 1200n);
    assert.deepEqual([windows?.processor?.totalRuntimeNs, windows?.processor?.runtimeKernelNs], [300n, 200n]);
    assert.equal(windows?.memory?.memoryUsagePrivateWorkingSetBytes, 4096n);
  });

  it("is what a Linux guest reported and no more for containerd on Windows", () => {
    const linux = (LCOWMetrics: object): unknown =>
      unpackAny(statsPayload("runhcs", { LCOWMetrics }), Statistics)?.linux;
    assert.deepEqual(linux({}), Metrics.create());
    assert.deepEqual(linux({ pids: { current: 6 } }), {
      ...Metrics.create(),
      pids: { current: 6n, limit: 0n },
    });
  });
});
