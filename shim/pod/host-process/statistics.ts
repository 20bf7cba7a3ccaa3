/** What a job has used, in the words of a compute system. */
import type { JobStatistics } from "../../../hcs/port/jobs.ts";
import type { ProcessListEntry, SystemStatistics } from "../../../hcs/schema/properties.ts";

const TICKS_PER_MS = 10_000;

/**
 * @param processes still in the job: only they have a working set
 * @param startedAt and `now` in milliseconds since the epoch
 */
export function jobStatistics(
  used: JobStatistics,
  processes: readonly ProcessListEntry[],
  startedAt: number | undefined,
  now: number,
): SystemStatistics {
  const kernel = used.totalKernelTime100ns;
  const user = used.totalUserTime100ns;
  return {
    Timestamp: new Date(now).toISOString(),
    ...(startedAt === undefined
      ? {}
      : {
          ContainerStartTime: new Date(startedAt).toISOString(),
          Uptime100ns: (now - startedAt) * TICKS_PER_MS,
        }),
    Processor: { TotalRuntime100ns: kernel + user, RuntimeUser100ns: user, RuntimeKernel100ns: kernel },
    Memory: {
      MemoryUsageCommitBytes: used.memoryBytes,
      MemoryUsageCommitPeakBytes: used.peakMemoryBytes,
      MemoryUsagePrivateWorkingSetBytes: processes.reduce(
        (sum, { MemoryWorkingSetPrivateBytes = 0 }) => sum + Number(MemoryWorkingSetPrivateBytes),
        0,
      ),
    },
    Storage: {
      ReadCountNormalized: used.readOperations,
      ReadSizeBytes: used.readBytes,
      WriteCountNormalized: used.writeOperations,
      WriteSizeBytes: used.writeBytes,
    },
  };
}
