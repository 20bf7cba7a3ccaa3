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

  it("has every number of a Windows container", () => {
    const Statistics_ = {
      Timestamp: "2025-01-02T03:04:05Z",
      ContainerStartTime: "2025-01-02T03:04:00Z",
      Uptime100ns: 50_000_000,
      Processor: {
        TotalRuntime100ns: 9_007_199_254_740_993n,
        RuntimeUser100ns: 11,
        RuntimeKernel100ns: 12,
      },
      Memory: {
        MemoryUsageCommitBytes: 21,
        MemoryUsageCommitPeakBytes: 22,
        MemoryUsagePrivateWorkingSetBytes: 23,
      },
      Storage: { ReadCountNormalized: 31, ReadSizeBytes: 32, WriteCountNormalized: 33, WriteSizeBytes: 34 },
    };
    const message = unpackAny(statsPayload("runhcs", { Statistics: Statistics_ }), Statistics);
    assert.deepEqual(message, {
      windows: {
        timestamp: { seconds: 1_735_787_045n, nanos: 0 },
        containerStartTime: { seconds: 1_735_787_040n, nanos: 0 },
        uptimeNs: 5_000_000_000n,
        processor: {
          totalRuntimeNs: 900_719_925_474_099_300n,
          runtimeUserNs: 1100n,
          runtimeKernelNs: 1200n,
        },
        memory: {
          memoryUsageCommitBytes: 21n,
          memoryUsageCommitPeakBytes: 22n,
          memoryUsagePrivateWorkingSetBytes: 23n,
        },
        storage: {
          readCountNormalized: 31n,
          readSizeBytes: 32n,
          writeCountNormalized: 33n,
          writeSizeBytes: 34n,
        },
      },
      linux: undefined,
      vm: undefined,
    });
  });

  it("has only the sections of a Windows container that the platform answered", () => {
    const any = statsPayload("runhcs", { Statistics: { Timestamp: "2025-01-02T03:04:05Z" } });
    const windows = unpackAny(any, Statistics)?.windows;
    assert.deepEqual(
      [windows?.processor, windows?.memory, windows?.storage],
      [undefined, undefined, undefined],
    );
  });

  it("has every number of a VM beside its container's", () => {
    const any = statsPayload("runhcs", {
      LCOWMetrics: {},
      vm: {
        Statistics: { Timestamp: "2025-01-02T03:04:05Z", Processor: { TotalRuntime100ns: 3 } },
        Memory: {
          VirtualNodeCount: 2,
          VirtualMachineMemory: {
            AvailableMemory: -1,
            AvailableMemoryBuffer: 4,
            ReservedMemory: 5,
            AssignedMemory: 6,
            SlpActive: true,
            BalancingEnabled: true,
            DmOperationInProgress: true,
          },
        },
        workingSetBytes: 24_576n,
      },
    });
    const message = unpackAny(any, Statistics);
    assert.ok(message?.linux);
    assert.deepEqual(message.vm, {
      processor: { totalRuntimeNs: 300n },
      memory: {
        workingSetBytes: 24_576n,
        virtualNodeCount: 2,
        vmMemory: {
          availableMemory: -1,
          availableMemoryBuffer: 4,
          reservedMemory: 5n,
          assignedMemory: 6n,
          slpActive: true,
          balancingEnabled: true,
          dmOperationInProgress: true,
        },
      },
    });
  });

  it("tells containerd on Linux of Windows containers in the form of Linux ones", () => {
    const any = statsPayload("cgroups", {
      Statistics: {
        Timestamp: "2026-01-01T00:00:00Z",
        Processor: { TotalRuntime100ns: 3, RuntimeUser100ns: 2, RuntimeKernel100ns: 1 },
        Memory: { MemoryUsageCommitBytes: 7, MemoryUsageCommitPeakBytes: 8 },
      },
    });
    const { cpu, memory } = unpackAny(any, Metrics) ?? {};
    assert.deepEqual([cpu?.usage?.total, cpu?.usage?.user, cpu?.usage?.kernel], [300n, 200n, 100n]);
    assert.deepEqual([memory?.usage?.usage, memory?.usage?.max], [7n, 8n]);
  });

  it("is empty for a sandbox without container and VM, and of the VM alone where there is one", () => {
    assert.deepEqual(unpackAny(statsPayload("runhcs", {}), Statistics), Statistics.create());
    const { windows, linux, vm } = unpackAny(statsPayload("runhcs", { vm: {} }), Statistics) ?? {};
    assert.deepEqual([windows, linux, vm?.memory?.vmMemory], [undefined, undefined, undefined]);
    assert.equal(vm?.processor?.totalRuntimeNs, 0n);
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
