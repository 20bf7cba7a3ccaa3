/** What a VM uses, as the message beside its container's. */
import type { MemoryProperties } from "../../hcs/schema/properties.ts";
import {
  VirtualMachineMemory,
  VirtualMachineMemoryStatistics,
  VirtualMachineProcessorStatistics,
  VirtualMachineStatistics,
} from "../../protos/gen/stats.ts";
import type { VmUsage } from "../task/container.ts";
import { count, nanoseconds } from "./units.ts";

export function vmStatistics({ Statistics, Memory, workingSetBytes }: VmUsage): VirtualMachineStatistics {
  const memory = Memory?.VirtualMachineMemory;
  return VirtualMachineStatistics.create({
    processor: VirtualMachineProcessorStatistics.create({
      totalRuntimeNs: nanoseconds(Statistics?.Processor?.TotalRuntime100ns),
    }),
    memory: VirtualMachineMemoryStatistics.create({
      workingSetBytes: count(workingSetBytes),
      virtualNodeCount: Memory?.VirtualNodeCount ?? 0,
      vmMemory: memory && memorySection(memory),
    }),
  });
}

function memorySection(memory: NonNullable<MemoryProperties["VirtualMachineMemory"]>): VirtualMachineMemory {
  return VirtualMachineMemory.create({
    availableMemory: memory.AvailableMemory ?? 0,
    availableMemoryBuffer: memory.AvailableMemoryBuffer ?? 0,
    reservedMemory: count(memory.ReservedMemory),
    assignedMemory: count(memory.AssignedMemory),
    slpActive: memory.SlpActive ?? false,
    balancingEnabled: memory.BalancingEnabled ?? false,
    dmOperationInProgress: memory.DmOperationInProgress ?? false,
  });
}
