/** Compute topology of a VM as limits of its cgroup. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { hierarchyOf, type CgroupHierarchy } from "./tree.ts";

export interface VmTopology {
  /** MiB. */
  readonly memoryMb?: number;
  readonly processors?: {
    /** Virtual processors. */
    readonly count: number;
    /** Of the whole host, in thousandths of a percent; 0: no limit but the count. */
    readonly limit: number;
    /** 0–10000; 0: the default of 100. */
    readonly weight: number;
  };
}

const PERIOD_US = 100_000;
/** `Limit` of all processors of the host: 100 %. */
export const FULL_LIMIT = 100_000;
const DEFAULT_WEIGHT = 100;
/** `cpu.shares` of cgroup v1 that stands for the default weight. */
const DEFAULT_SHARES = 1024;
const LEAST_QUOTA_US = 1000;

/** CPU time per period of {@link PERIOD_US} that `processors` may use on a host with `hostProcessors`. */
export function quotaUs(
  processors: { readonly count: number; readonly limit: number },
  hostProcessors: number,
): number {
  const ofHost = processors.limit === 0 ? hostProcessors : (hostProcessors * processors.limit) / FULL_LIMIT;
  return Math.max(LEAST_QUOTA_US, Math.floor(Math.min(processors.count, ofHost) * PERIOD_US));
}

/** How many processors' worth of time that is. */
export function processorTime(
  processors: { readonly count: number; readonly limit: number },
  hostProcessors: number,
): number {
  return quotaUs(processors, hostProcessors) / PERIOD_US;
}

interface Setting {
  readonly controller: "memory" | "cpu";
  readonly version: 1 | 2;
  readonly file: string;
  readonly value: (topology: VmTopology, hostProcessors: number) => string | undefined;
}

const memory = ({ memoryMb }: VmTopology): string | undefined =>
  memoryMb === undefined ? undefined : String(memoryMb * 1024 ** 2);
const quota = ({ processors }: VmTopology, host: number): string | undefined =>
  processors && String(quotaUs(processors, host));
const weight = ({ processors }: VmTopology): number | undefined =>
  processors && (processors.weight === 0 ? DEFAULT_WEIGHT : processors.weight);
const shares = (topology: VmTopology): string | undefined => {
  const units = weight(topology);
  return units === undefined
    ? undefined
    : String(Math.max(2, Math.round((units * DEFAULT_SHARES) / DEFAULT_WEIGHT)));
};

const SETTINGS: readonly Setting[] = [
  { controller: "memory", version: 1, file: "memory.limit_in_bytes", value: memory },
  { controller: "memory", version: 2, file: "memory.max", value: memory },
  {
    controller: "cpu",
    version: 1,
    file: "cpu.cfs_period_us",
    value: ({ processors }) => processors && String(PERIOD_US),
  },
  { controller: "cpu", version: 1, file: "cpu.cfs_quota_us", value: quota },
  { controller: "cpu", version: 1, file: "cpu.shares", value: shares },
  {
    controller: "cpu",
    version: 2,
    file: "cpu.max",
    value: (topology, host) => topology.processors && `${quota(topology, host)} ${PERIOD_US}`,
  },
  { controller: "cpu", version: 2, file: "cpu.weight", value: (topology) => weight(topology)?.toString() },
];

/**
 * Sets the limits of group `path`; what `topology` leaves out stays as it is. A host whose kernel lacks a controller
 * does not limit what that controller would have.
 *
 * @throws the kernel's refusal: `EBUSY` when more memory than the new limit is in use and cannot be reclaimed
 */
export function limitCgroup(
  path: string,
  topology: VmTopology,
  hierarchies: readonly CgroupHierarchy[],
  hostProcessors: number,
): void {
  for (const setting of SETTINGS) {
    const hierarchy = hierarchyOf(hierarchies, setting.controller);
    const value = setting.value(topology, hostProcessors);
    if (hierarchy?.version !== setting.version || value === undefined) continue;
    writeFileSync(join(hierarchy.mountPoint, path, setting.file), value);
  }
}
