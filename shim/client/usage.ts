/** What a container uses, in the same words whatever measures it. */
import { unpackAny } from "../../protos/any.ts";
import { Metrics as CgroupMetrics } from "../../protos/gen/cgroups-v1.ts";
import { Metrics as UnifiedMetrics } from "../../protos/gen/cgroups-v2.ts";
import { Statistics } from "../../protos/gen/stats.ts";
import type { Any } from "../../protos/gen/google.ts";

export interface ContainerUsage {
  readonly at: Date;
  /** Processor time of all its processes since its start. */
  readonly cpuTimeNs: bigint;
  /** On Windows what is committed. */
  readonly memoryBytes: bigint;
  readonly memoryPeakBytes: bigint;
}

type Measured = Omit<ContainerUsage, "at">;

const NS_PER_US = 1000n;
const NS_PER_MS = 1e6;

const READINGS: readonly ((data: Any) => Measured | undefined)[] = [
  (data) => ofCgroups(unpackAny(data, CgroupMetrics)),
  (data) => {
    const metrics = unpackAny(data, UnifiedMetrics);
    return (
      metrics && {
        cpuTimeNs: (metrics.cpu?.usageUsec ?? 0n) * NS_PER_US,
        memoryBytes: metrics.memory?.usage ?? 0n,
        memoryPeakBytes: metrics.memory?.maxUsage ?? 0n,
      }
    );
  },
  (data) => {
    const statistics = unpackAny(data, Statistics);
    if (statistics?.windows === undefined) return ofCgroups(statistics?.linux);
    const { processor, memory } = statistics.windows;
    return {
      cpuTimeNs: processor?.totalRuntimeNs ?? 0n,
      memoryBytes: memory?.memoryUsageCommitBytes ?? 0n,
      memoryPeakBytes: memory?.memoryUsageCommitPeakBytes ?? 0n,
    };
  },
];

/** @returns undefined for measurements of a kind that is not known */
export function usageOf(at: Date, data: Any): ContainerUsage | undefined {
  for (const read of READINGS) {
    const measured = read(data);
    if (measured !== undefined) return { at, ...measured };
  }
  return undefined;
}

/**
 * The part of one processor that was used between two samples: 200 are two processors all the time.
 *
 * @returns 0 when no time has passed
 */
export function cpuPercent(before: ContainerUsage, after: ContainerUsage): number {
  const passedNs = (after.at.getTime() - before.at.getTime()) * NS_PER_MS;
  return passedNs <= 0 ? 0 : (Number(after.cpuTimeNs - before.cpuTimeNs) / passedNs) * 100;
}

function ofCgroups(metrics: CgroupMetrics | undefined): Measured | undefined {
  if (metrics === undefined) return undefined;
  const { cpu, memory } = metrics;
  return {
    cpuTimeNs: cpu?.usage?.total ?? 0n,
    memoryBytes: memory?.usage?.usage ?? 0n,
    memoryPeakBytes: memory?.usage?.max ?? 0n,
  };
}
