/**
 * Virtual NUMA nodes of a utility VM, for both kinds of guest. Pure: wishes and sizes in, parts of the document out.
 */
import type {
  Numa,
  NumaNode,
  VirtualMachineMemory,
  VirtualMachineProcessor,
} from "../../hcs/schema/compute-system.ts";
import { SpecError } from "../errors.ts";
import { withoutZero } from "./omit.ts";

/** What the annotations ask for; 0 and empty lists mean nothing. */
export interface NumaWishes {
  readonly maxProcessorsPerNode: number;
  /** MiB. */
  readonly maxSizePerNode: number;
  readonly preferredPhysicalNodes: readonly number[];
  /** One entry per virtual node; 255 leaves the choice to the host. */
  readonly mappedPhysicalNodes: readonly number[];
  readonly processorCounts: readonly number[];
  /** MiB. */
  readonly memoryBlocks: readonly number[];
}

/** The VM that is divided. */
export interface NumaSubject {
  readonly build: number;
  /** As the document has it. */
  readonly processorCount: number;
  /** MiB, as the document has it. */
  readonly memoryMb: number;
  readonly allowOvercommit: boolean;
}

/** What virtual NUMA adds to a document. */
export interface NumaParts {
  readonly memory: Pick<VirtualMachineMemory, "SlitType">;
  readonly processor: Pick<VirtualMachineProcessor, "NumaProcessorsSettings">;
  readonly numa: Numa;
}

const NUMA_BUILD = 26_100;
/** A physical node that is left to the host. */
const ANY_NODE = 255;
const MOST_NODES = 64;
const PREFIX = "io.microsoft.virtualmachine.computetopology.";
const KEY = {
  maxProcessors: `${PREFIX}processor.numa.max-processors-per-node`,
  maxSize: `${PREFIX}processor.numa.max-size-per-node`,
  physicalNodes: `${PREFIX}numa.mapped-physical-nodes`,
  processors: `${PREFIX}numa.count-of-processors`,
  memory: `${PREFIX}numa.count-of-memory-blocks`,
} as const;

/**
 * @returns undefined when no virtual NUMA is asked for: other wishes alone have no effect
 * @throws {SpecError} for nodes that cannot be, or a host that cannot have them
 */
export function numaParts(wishes: NumaWishes, subject: NumaSubject): NumaParts | undefined {
  const implicit = wishes.maxProcessorsPerNode > 0;
  const explicit = wishes.mappedPhysicalNodes.length > 0;
  if (!implicit && !explicit) return undefined;
  const key = implicit ? KEY.maxProcessors : KEY.physicalNodes;
  check(
    subject.build >= NUMA_BUILD,
    key,
    `virtual NUMA needs Windows build ${NUMA_BUILD} or later`,
    subject.build,
  );
  const parts = implicit ? bySize(wishes) : byNodes(wishes, subject);
  check(!subject.allowOvercommit, key, "virtual NUMA needs a VM whose memory is not overcommitted", true);
  return parts;
}

function bySize(wishes: NumaWishes): NumaParts {
  const { maxProcessorsPerNode, maxSizePerNode, preferredPhysicalNodes } = wishes;
  check(maxSizePerNode > 0, KEY.maxSize, `must be set with ${KEY.maxProcessors}`, maxSizePerNode);
  return {
    memory: { SlitType: "FirmwareFallbackMeasured" },
    processor: { NumaProcessorsSettings: { count_per_node: { max: maxProcessorsPerNode } } },
    numa: withoutZero({
      MaxSizePerNode: maxSizePerNode,
      PreferredPhysicalNodes: [...preferredPhysicalNodes],
    }),
  };
}

function byNodes(wishes: NumaWishes, subject: NumaSubject): NumaParts {
  const { mappedPhysicalNodes, processorCounts, memoryBlocks, preferredPhysicalNodes } = wishes;
  const count = mappedPhysicalNodes.length;
  check(
    processorCounts.length === count,
    KEY.processors,
    `must have as many entries as ${KEY.physicalNodes}`,
    processorCounts,
  );
  check(
    memoryBlocks.length === count,
    KEY.memory,
    `must have as many entries as ${KEY.physicalNodes}`,
    memoryBlocks,
  );
  checkNodes(wishes, subject);
  return {
    memory: { SlitType: "FirmwareFallbackMeasured" },
    processor: {},
    numa: withoutZero({
      VirtualNodeCount: count,
      Settings: mappedPhysicalNodes.map((physical, index) => node(wishes, physical, index)),
      PreferredPhysicalNodes: [...preferredPhysicalNodes],
    }),
  };
}

function node({ processorCounts, memoryBlocks }: NumaWishes, physical: number, index: number): NumaNode {
  return withoutZero({
    VirtualNodeNumber: index,
    PhysicalNodeNumber: physical,
    VirtualSocketNumber: index,
    CountOfProcessors: processorCounts[index] ?? 0,
    CountOfMemoryBlocks: memoryBlocks[index] ?? 0,
    MemoryBackingType: "Physical" as const,
  });
}

function checkNodes(wishes: NumaWishes, subject: NumaSubject): void {
  const { mappedPhysicalNodes, processorCounts, memoryBlocks } = wishes;
  const wild = mappedPhysicalNodes.filter((physical) => physical === ANY_NODE).length;
  const processors = sum(processorCounts);
  const memory = sum(memoryBlocks);
  check(
    mappedPhysicalNodes.length <= MOST_NODES + 1,
    KEY.physicalNodes,
    `a VM has at most ${MOST_NODES + 1} nodes`,
    mappedPhysicalNodes.length,
  );
  check(
    mappedPhysicalNodes.every((physical) => physical < MOST_NODES || physical === ANY_NODE),
    KEY.physicalNodes,
    `physical nodes are below ${MOST_NODES}, or all ${ANY_NODE}`,
    mappedPhysicalNodes,
  );
  check(
    wild === 0 || wild === mappedPhysicalNodes.length,
    KEY.physicalNodes,
    `${ANY_NODE} (any node) cannot be mixed with chosen nodes`,
    mappedPhysicalNodes,
  );
  check(
    memoryBlocks.every((blocks) => blocks > 0),
    KEY.memory,
    "every node needs memory",
    memoryBlocks,
  );
  check(
    processors === subject.processorCount,
    KEY.processors,
    `must add up to the VM's ${subject.processorCount} processors`,
    processors,
  );
  check(memory === subject.memoryMb, KEY.memory, `must add up to the VM's ${subject.memoryMb} MiB`, memory);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function check(holds: boolean, key: string, rule: string, value: unknown): void {
  if (!holds) throw new SpecError({ at: `annotation ${key}`, rule, value });
}
