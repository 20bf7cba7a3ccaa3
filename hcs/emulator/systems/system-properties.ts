/** Answers to property queries of a VM. */
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import type { ComputeSystemState } from "../../api.ts";
import type {
  MemoryProperties,
  PropertyQuery,
  PropertyType,
  SystemProperties,
} from "../../schema/properties.ts";
import { memoryLimit } from "../cgroup/statistics.ts";
import { cgroupStatistics } from "../cgroup/system-statistics.ts";
import type { CgroupHierarchy } from "../cgroup/tree.ts";
import { requireShape } from "./document.ts";
import { choice, list, object } from "../shape.ts";
import { OPERATIONS } from "./states.ts";

/** What is known about the system that is asked about. */
export interface DescribedSystem {
  readonly id: string;
  readonly owner: string;
  readonly runtimeId: string;
  readonly state: ComputeSystemState;
  readonly guestOs: "Linux" | "Windows";
  readonly cgroup: string;
  /** MiB of its document. */
  readonly memoryMb: number;
  /** ISO 8601; undefined before the start. */
  readonly startedAt: string | undefined;
  readonly hierarchies: readonly CgroupHierarchy[];
}

const PROPERTY_TYPES: readonly PropertyType[] = [
  "Statistics",
  "ProcessList",
  "Memory",
  "SystemGUID",
  "ProcessorTopology",
];
const QUERY = object({ PropertyTypes: list(choice(...PROPERTY_TYPES)) });

const ANSWERS: Partial<Record<PropertyType, (system: DescribedSystem) => Partial<SystemProperties>>> = {
  Statistics: (system) => ({
    Statistics: cgroupStatistics(system.cgroup, system.hierarchies, system.startedAt),
  }),
  Memory: (system) => ({ Memory: memory(system) }),
};

/** The basic properties, and what `query` names. */
export function systemProperties(system: DescribedSystem, query: PropertyQuery): SystemProperties {
  const { id, owner, runtimeId, state, guestOs } = system;
  const operation = OPERATIONS.properties.phrase;
  requireShape(query, QUERY, operation, id);
  const basic: SystemProperties = {
    SystemType: "VirtualMachine",
    RuntimeOsType: guestOs,
    Owner: owner,
    RuntimeId: runtimeId,
    State: state,
  };
  return (query.PropertyTypes ?? []).reduce((properties, type) => {
    const answer = ANSWERS[type];
    if (answer === undefined) {
      const detail = `a VM has no property ${type}; processes and containers in it are asked about through the guest`;
      throw new HcsError({ operation, target: id, hresult: HRESULT.notSupported, detail });
    }
    return { ...properties, ...answer(system) };
  }, basic);
}

const PAGE = 4096;

function memory({ cgroup, memoryMb, hierarchies }: DescribedSystem): MemoryProperties {
  const assigned = memoryLimit(cgroup, hierarchies) ?? memoryMb * 1024 ** 2;
  return {
    VirtualNodeCount: 1,
    VirtualMachineMemory: {
      AssignedMemory: Math.floor(assigned / PAGE),
      SlpActive: false,
      BalancingEnabled: false,
      DmOperationInProgress: false,
    },
  };
}
