/**
 * What a HostProcess container in process isolation is made of: a job, a root directory, mounts and limits. Decided
 * here, made by the shim. Values are those of the Windows job API.
 */
import { win32 } from "node:path";
import { rootfsLocation } from "./annotations/host-process.ts";
import type { AnnotationReader } from "./annotations/read.ts";
import { SpecError } from "./errors.ts";
import type { Spec } from "./spec.ts";
import { hostPlacedMounts } from "./windows/mounts.ts";
import { checkAffinity, containerLimits } from "./windows/resources.ts";
import type { GroupAffinity } from "./windows/spec.ts";

/** Facts of the host. */
export interface JobHost {
  readonly build: number;
  readonly processors: number;
  /** Its bind filter gives each container a view of files of its own. */
  readonly canBindFiles: boolean;
}

/** Where the container's files appear. */
export interface JobRoot {
  /** Ends with a backslash. */
  readonly path: string;
  /** Only the container sees it there; otherwise everybody does, and the path is the container's alone. */
  readonly isPrivate: boolean;
}

export interface JobMount {
  /** Path of the host. */
  readonly source: string;
  readonly destination: string;
  /** The destination below the root, without a backslash in front. */
  readonly linkBelowRoot: string;
  readonly readOnly: boolean;
}

/** Arguments of the job calls, in the order they are made. Undefined: no limit. */
export interface JobLimits {
  readonly memory:
    { readonly limitFlags: number; readonly affinity: number; readonly jobMemoryLimit: number } | undefined;
  readonly processor: { readonly controlFlags: number; readonly value: number } | undefined;
  readonly affinity: readonly GroupAffinity[];
  readonly io:
    { readonly controlFlags: number; readonly maxIops: number; readonly maxBandwidth: number } | undefined;
}

/** JOB_OBJECT_LIMIT_* */
const LIMIT = { killOnClose: 0x2000, jobMemory: 0x200 } as const;
/** JOB_OBJECT_CPU_RATE_CONTROL_* */
const CPU_RATE = { enable: 1, weightBased: 2, hardCap: 4 } as const;
/** JOB_OBJECT_IO_RATE_CONTROL_ENABLE */
const IO_RATE_ENABLE = 1;

/** What every such job starts with: nothing outlives the handle to it. */
export const KILL_ON_CLOSE: NonNullable<JobLimits["memory"]> = {
  limitFlags: LIMIT.killOnClose,
  affinity: 0,
  jobMemoryLimit: 0,
};

export function jobName(containerId: string): string {
  return `JobContainer_${containerId}`;
}

const DEFAULT_ROOT = "C:\\hpc";

export function jobRoot(reader: AnnotationReader, containerId: string, host: JobHost): JobRoot {
  const location = reader.read(rootfsLocation) || DEFAULT_ROOT;
  if (host.canBindFiles) return { path: directory(location), isPrivate: true };
  return { path: directory(win32.join(location, containerId)), isPrivate: false };
}

function directory(path: string): string {
  return path.endsWith("\\") ? path : `${path}\\`;
}

/** @throws {SpecError} for pipes, which such containers can open themselves */
export function jobMounts({ mounts }: Spec): JobMount[] {
  return hostPlacedMounts(mounts).map((mount, index) => {
    if (mount.kind === "pipe") {
      throw new SpecError({
        at: `/mounts/${index}`,
        rule: "a HostProcess container opens pipes of the host by their own names: do not mount them",
        value: mount.hostPath,
      });
    }
    return {
      source: mount.hostPath,
      destination: mount.containerPath,
      linkBelowRoot: withoutDrive(mount.containerPath),
      readOnly: mount.readOnly,
    };
  });
}

function withoutDrive(path: string): string {
  return path.replace(/^[A-Za-z]:/, "").replace(/^[\\/]+/, "") || ".";
}

const MEBIBYTE = 1024 ** 2;
/** A hundredth of a percent of all processors. */
const WHOLE = 10_000;

/** @throws {SpecError} for limits that exclude one another, or are out of range */
export function jobLimits(reader: AnnotationReader, spec: Spec, host: JobHost): JobLimits {
  const resources = spec.windows?.resources ?? {};
  const limits = containerLimits(reader, resources, {
    kind: "host",
    build: host.build,
    processors: host.processors,
  });
  const affinity = resources.cpuAffinity ?? [];
  checkAffinity(affinity, host.build, "/windows/resources/cpu");
  const { memoryMb, storageIops, storageBandwidth } = limits;
  return {
    memory:
      memoryMb === 0
        ? undefined
        : {
            limitFlags: LIMIT.killOnClose | LIMIT.jobMemory,
            affinity: 0,
            jobMemoryLimit: memoryMb * MEBIBYTE,
          },
    processor: processorControl(limits, host.processors),
    affinity,
    io:
      storageIops === 0 && storageBandwidth === 0
        ? undefined
        : { controlFlags: IO_RATE_ENABLE, maxIops: storageIops, maxBandwidth: storageBandwidth },
  };
}

function processorControl(
  { processorCount, processorMaximum, processorWeight }: ReturnType<typeof containerLimits>,
  hostProcessors: number,
): JobLimits["processor"] {
  const capped = CPU_RATE.enable | CPU_RATE.hardCap;
  if (processorCount > 0)
    return { controlFlags: capped, value: processorRate(processorCount, hostProcessors) };
  if (processorMaximum > 0) {
    if (processorMaximum <= WHOLE) return { controlFlags: capped, value: processorMaximum };
    throw new SpecError({
      at: "/windows/resources/cpu/maximum",
      rule: `must be 1 to ${WHOLE}`,
      value: processorMaximum,
    });
  }
  if (processorWeight === 0) return undefined;
  return {
    controlFlags: CPU_RATE.enable | CPU_RATE.weightBased,
    // Jobs have nine weights.
    value: 1 + Math.floor((8 * Math.min(processorWeight, WHOLE)) / WHOLE),
  };
}

/** Some of the host's processors as a share of all of them. */
export function processorRate(count: number, hostProcessors: number): number {
  return Math.max(1, Math.floor((count * WHOLE) / hostProcessors));
}
