/** What systems of the scripted machine have used: always the same. */
import type { MemoryProperties, SystemStatistics } from "../schema/properties.ts";

export const STATISTICS: SystemStatistics = {
  Timestamp: "2024-01-02T03:04:05Z",
  ContainerStartTime: "2024-01-02T03:03:05Z",
  Uptime100ns: 600_000_000,
  Processor: { TotalRuntime100ns: 2000, RuntimeUser100ns: 1000, RuntimeKernel100ns: 1000 },
  Memory: {
    MemoryUsageCommitBytes: 4096,
    MemoryUsageCommitPeakBytes: 8192,
    MemoryUsagePrivateWorkingSetBytes: 2048,
  },
  Storage: { ReadCountNormalized: 3, ReadSizeBytes: 12_288, WriteCountNormalized: 2, WriteSizeBytes: 8192 },
};

const PAGES_PER_MB = 256;

/** Of a VM that has all its memory. */
export function memoryProperties(sizeMb: number): MemoryProperties {
  return { VirtualNodeCount: 1, VirtualMachineMemory: { AssignedMemory: sizeMb * PAGES_PER_MB } };
}

/** Of a VM's memory process, in bytes. */
export const WORKING_SET_BYTES: number = 256 * 1024 ** 2;
