/** What a cgroup has used, as the statistics of a compute system. */
import type { SystemStatistics } from "../../schema/properties.ts";
import { cgroupUsage } from "./statistics.ts";
import type { CgroupHierarchy } from "./tree.ts";

const UNITS_PER_MS = 10_000;

/** @param startedAt ISO 8601; undefined before the start */
export function cgroupStatistics(
  cgroup: string,
  hierarchies: readonly CgroupHierarchy[],
  startedAt: string | undefined,
): SystemStatistics {
  const now = new Date();
  const { cpu, memory, storage } = cgroupUsage(cgroup, hierarchies);
  return {
    Timestamp: now.toISOString(),
    ...(startedAt === undefined
      ? {}
      : {
          ContainerStartTime: startedAt,
          Uptime100ns: Math.max(0, now.getTime() - Date.parse(startedAt)) * UNITS_PER_MS,
        }),
    Processor: { TotalRuntime100ns: cpu.total, RuntimeUser100ns: cpu.user, RuntimeKernel100ns: cpu.kernel },
    Memory: {
      MemoryUsageCommitBytes: memory.used,
      MemoryUsageCommitPeakBytes: memory.peak,
      MemoryUsagePrivateWorkingSetBytes: memory.anonymous,
    },
    Storage: {
      ReadCountNormalized: storage.reads,
      ReadSizeBytes: storage.readBytes,
      WriteCountNormalized: storage.writes,
      WriteSizeBytes: storage.writeBytes,
    },
  };
}
