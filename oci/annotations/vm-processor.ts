/** Processors of a utility VM, and its virtual NUMA topology. */
import { between, VM, VM_PREFIX, type AnnotationRow } from "./row.ts";
import { guid, int32, string, uint32, uint32List, uint64List, uint64 } from "./values.ts";

const PROCESSOR = `${VM_PREFIX}computetopology.processor.`;
const NUMA = `${VM_PREFIX}computetopology.numa.`;
const NUMA_BUILD = "needs Windows build 26100 and overcommit off";

export const vmProcessorCount: AnnotationRow<number> = {
  key: `${PROCESSOR}count`,
  type: int32,
  ...VM,
  default: "windows.resources.cpu.count, else 2 (1 on a one-processor host)",
  effect: "processors of the VM, at most those of the host",
  check: "not negative",
  valid: (count) => count >= 0,
};
export const vmProcessorLimit: AnnotationRow<number> = {
  key: `${PROCESSOR}limit`,
  type: int32,
  unit: "1/1000 percent, 1 to 100000",
  ...VM,
  default: "windows.resources.cpu.maximum, else none",
  effect: "share of the host's processors the VM may use",
  valid: between(0, 100_000),
};
export const vmProcessorWeight: AnnotationRow<number> = {
  key: `${PROCESSOR}weight`,
  type: int32,
  unit: "0 to 10000",
  ...VM,
  default: "windows.resources.cpu.shares, else none",
  effect: "relative weight of the VM",
  valid: between(0, 10_000),
};
export const vmCpuGroup: AnnotationRow<string> = {
  key: `${VM_PREFIX}cpugroup.id`,
  type: string,
  ...VM,
  default: "none",
  effect: "CPU group the VM runs in; also an annotation of Update",
  check: "needs Windows build 19043; not together with a resource partition",
};
export const vmResourcePartition: AnnotationRow<string> = {
  key: `${VM_PREFIX}resource-partition-id`,
  type: guid,
  ...VM,
  strict: true,
  default: "none",
  effect: "ResourcePartitionId of the VM",
  check: "not together with a CPU group",
};
export const numaMaxProcessorsPerNode: AnnotationRow<number> = {
  key: `${PROCESSOR}numa.max-processors-per-node`,
  type: uint32,
  ...VM,
  default: "0, no implicit virtual NUMA",
  effect: "processors of a virtual NUMA node",
  check: `needs max-size-per-node; ${NUMA_BUILD}`,
};
export const numaMaxSizePerNode: AnnotationRow<number> = {
  key: `${PROCESSOR}numa.max-size-per-node`,
  type: uint64,
  unit: "MiB",
  ...VM,
  default: "0",
  effect: "memory of a virtual NUMA node",
  check: NUMA_BUILD,
};
export const numaPreferredNodes: AnnotationRow<readonly number[]> = {
  key: `${NUMA}preferred-physical-nodes`,
  type: uint32List,
  ...VM,
  default: "none",
  effect: "physical nodes the VM is placed on if possible",
  check: NUMA_BUILD,
};
export const numaMappedNodes: AnnotationRow<readonly number[]> = {
  key: `${NUMA}mapped-physical-nodes`,
  type: uint32List,
  ...VM,
  default: "none, no explicit virtual NUMA",
  effect: "physical node of each virtual node; 255 for any",
  check: `all below 64 or all 255; ${NUMA_BUILD}`,
};
export const numaProcessorCounts: AnnotationRow<readonly number[]> = {
  key: `${NUMA}count-of-processors`,
  type: uint32List,
  ...VM,
  default: "none",
  effect: "processors of each virtual node",
  check: "as many as mapped nodes; together the processors of the VM",
};
export const numaMemoryBlocks: AnnotationRow<readonly number[]> = {
  key: `${NUMA}count-of-memory-blocks`,
  type: uint64List,
  unit: "MiB",
  ...VM,
  default: "none",
  effect: "memory of each virtual node",
  check: "as many as mapped nodes, none 0; together the memory of the VM",
};
