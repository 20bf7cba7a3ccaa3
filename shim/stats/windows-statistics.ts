/** HCS statistics as the message that containerd on Windows reads (`containerd.runhcs.stats.v1.Statistics`). */
import type { SystemStatistics } from "../../hcs/schema/properties.ts";
import {
  WindowsContainerMemoryStatistics,
  WindowsContainerProcessorStatistics,
  WindowsContainerStatistics,
  WindowsContainerStorageStatistics,
} from "../../protos/gen/stats.ts";
import { timestampFromText } from "../../protos/timestamp.ts";

const NANOSECONDS_PER_TICK = 100n;

function ticks(value: number | bigint | undefined): bigint {
  return BigInt(value ?? 0) * NANOSECONDS_PER_TICK;
}

function count(value: number | bigint | undefined): bigint {
  return BigInt(value ?? 0);
}

export function windowsStatistics(statistics: SystemStatistics): WindowsContainerStatistics {
  const { Processor, Memory, Storage, ContainerStartTime } = statistics;
  return WindowsContainerStatistics.create({
    timestamp: timestampFromText(statistics.Timestamp),
    containerStartTime: ContainerStartTime === undefined ? undefined : timestampFromText(ContainerStartTime),
    uptimeNs: ticks(statistics.Uptime100ns),
    processor: WindowsContainerProcessorStatistics.create({
      totalRuntimeNs: ticks(Processor?.TotalRuntime100ns),
      runtimeUserNs: ticks(Processor?.RuntimeUser100ns),
      runtimeKernelNs: ticks(Processor?.RuntimeKernel100ns),
    }),
    memory: WindowsContainerMemoryStatistics.create({
      memoryUsageCommitBytes: count(Memory?.MemoryUsageCommitBytes),
      memoryUsageCommitPeakBytes: count(Memory?.MemoryUsageCommitPeakBytes),
      memoryUsagePrivateWorkingSetBytes: count(Memory?.MemoryUsagePrivateWorkingSetBytes),
    }),
    storage: WindowsContainerStorageStatistics.create({
      readCountNormalized: count(Storage?.ReadCountNormalized),
      readSizeBytes: count(Storage?.ReadSizeBytes),
      writeCountNormalized: count(Storage?.WriteCountNormalized),
      writeSizeBytes: count(Storage?.WriteSizeBytes),
    }),
  });
}
