/** HCS statistics as the message that containerd on Windows reads (`containerd.runhcs.stats.v1.Statistics`). */
import type { LinuxMetrics } from "../../hcs/guest/properties.ts";
import type { SystemStatistics } from "../../hcs/schema/properties.ts";
import {
  WindowsContainerMemoryStatistics,
  WindowsContainerProcessorStatistics,
  WindowsContainerStatistics,
  WindowsContainerStorageStatistics,
} from "../../protos/gen/stats.ts";
import { timestampFromText } from "../../protos/timestamp.ts";
import { count, nanoseconds } from "./units.ts";

/** A section that the platform left out is left out: zero would say that nothing is used. */
export function windowsStatistics(statistics: SystemStatistics): WindowsContainerStatistics {
  const { Timestamp, ContainerStartTime, Uptime100ns, Processor, Memory, Storage } = statistics;
  return WindowsContainerStatistics.create({
    timestamp: timestampFromText(Timestamp),
    containerStartTime: ContainerStartTime === undefined ? undefined : timestampFromText(ContainerStartTime),
    uptimeNs: nanoseconds(Uptime100ns),
    processor: Processor && processorSection(Processor),
    memory: Memory && memorySection(Memory),
    storage: Storage && storageSection(Storage),
  });
}

function processorSection(
  processor: NonNullable<SystemStatistics["Processor"]>,
): WindowsContainerProcessorStatistics {
  return WindowsContainerProcessorStatistics.create({
    totalRuntimeNs: nanoseconds(processor.TotalRuntime100ns),
    runtimeUserNs: nanoseconds(processor.RuntimeUser100ns),
    runtimeKernelNs: nanoseconds(processor.RuntimeKernel100ns),
  });
}

function memorySection(memory: NonNullable<SystemStatistics["Memory"]>): WindowsContainerMemoryStatistics {
  return WindowsContainerMemoryStatistics.create({
    memoryUsageCommitBytes: count(memory.MemoryUsageCommitBytes),
    memoryUsageCommitPeakBytes: count(memory.MemoryUsageCommitPeakBytes),
    memoryUsagePrivateWorkingSetBytes: count(memory.MemoryUsagePrivateWorkingSetBytes),
  });
}

function storageSection(
  storage: NonNullable<SystemStatistics["Storage"]>,
): WindowsContainerStorageStatistics {
  return WindowsContainerStorageStatistics.create({
    readCountNormalized: count(storage.ReadCountNormalized),
    readSizeBytes: count(storage.ReadSizeBytes),
    writeCountNormalized: count(storage.WriteCountNormalized),
    writeSizeBytes: count(storage.WriteSizeBytes),
  });
}

/** Processor time and memory, in the shape of a Linux guest's metrics. */
export function metricsOfWindows({ Processor = {}, Memory = {} }: SystemStatistics): LinuxMetrics {
  return {
    cpu: {
      usage: {
        total: nanoseconds(Processor.TotalRuntime100ns),
        kernel: nanoseconds(Processor.RuntimeKernel100ns),
        user: nanoseconds(Processor.RuntimeUser100ns),
      },
    },
    memory: {
      rss: Memory.MemoryUsagePrivateWorkingSetBytes ?? 0,
      usage: {
        usage: Memory.MemoryUsageCommitBytes ?? 0,
        max: Memory.MemoryUsageCommitPeakBytes ?? 0,
      },
    },
  };
}
