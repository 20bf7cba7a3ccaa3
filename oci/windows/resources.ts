/** Limits of a Windows container: annotations first, then the spec, against what the machine has. */
import type { ContainerProcessor } from "../../hcs/schema/container.ts";
import type { StorageQoS } from "../../hcs/schema/compute-system.ts";
import type { AnnotationRow } from "../annotations/catalogue.ts";
import type { AnnotationReader } from "../annotations/read.ts";
import {
  containerMemorySize,
  containerProcessorCount,
  containerProcessorLimit,
  containerProcessorWeight,
  containerStorageBandwidth,
  containerStorageIops,
} from "../annotations/windows-container.ts";
import { SpecError } from "../errors.ts";
import type { Placement } from "./placement.ts";
import type { GroupAffinity, WindowsResources } from "./spec.ts";

const MEBIBYTE = 1024 ** 2;
const LARGEST_INT32 = 2 ** 31 - 1;
/** Processor shares are in hundredths of a percent. */
const WHOLE = 10_000;

/** All limits; zero means none. */
export interface ContainerLimits {
  readonly memoryMb: number;
  readonly processorCount: number;
  /** Hundredths of a percent. */
  readonly processorMaximum: number;
  readonly processorWeight: number;
  readonly storageIops: number;
  /** Bytes per second. */
  readonly storageBandwidth: number;
}

/** @throws {SpecError} when more than one kind of processor limit is set, or one is negative */
export function containerLimits(
  reader: AnnotationReader,
  resources: WindowsResources,
  placement: Placement,
): ContainerLimits {
  const limit = (row: AnnotationRow<number>, fallback: number | undefined): number => {
    const value = reader.readPositive(row, fallback) ?? 0;
    if (value < 0) throw new SpecError({ at: `annotation ${row.key}`, rule: "must not be negative", value });
    return Math.min(value, LARGEST_INT32);
  };
  const count = limit(containerProcessorCount, resources.cpuCount);
  const maximum = limit(containerProcessorLimit, resources.cpuMaximum);
  const weight = limit(containerProcessorWeight, resources.cpuShares);
  if ([count, maximum, weight].filter((value) => value > 0).length > 1) {
    throw new SpecError({
      at: "/windows/resources/cpu",
      rule: "count, maximum and shares (or their annotations) exclude one another: keep one of them",
      value: { count, maximum, shares: weight },
    });
  }
  return {
    memoryMb:
      reader.readPositive(containerMemorySize, Math.floor((resources.memoryLimit ?? 0) / MEBIBYTE)) ?? 0,
    processorCount: availableCount(reader, count, placement.processors),
    processorMaximum: scaledMaximum(maximum, placement),
    processorWeight: weight,
    storageIops: limit(containerStorageIops, resources.storageIops),
    storageBandwidth: limit(containerStorageBandwidth, resources.storageBps),
  };
}

/** No more processors than there are. */
export function availableCount(
  { warnings }: Pick<AnnotationReader, "warnings">,
  count: number,
  available: number,
): number {
  if (count <= available) return count;
  warnings.push({
    at: "/windows/resources/cpu/count",
    kind: "processor-count-clamped-to-available",
    message: `lowered to ${available}: there are no more processors`,
    value: String(count),
  });
  return available;
}

/** A share of the host's processors as the share of a VM's that is as much. */
function scaledMaximum(maximum: number, placement: Placement): number {
  if (placement.kind !== "vm" || !placement.scaleProcessorLimit || maximum === 0) return maximum;
  const scaled = Math.floor((maximum * placement.hostProcessors) / placement.processors);
  return Math.min(Math.max(scaled, 1), WHOLE);
}

export function processorSettings(limits: ContainerLimits): ContainerProcessor {
  return {
    ...(limits.processorCount === 0 ? {} : { Count: limits.processorCount }),
    ...(limits.processorMaximum === 0 ? {} : { Maximum: limits.processorMaximum }),
    ...(limits.processorWeight === 0 ? {} : { Weight: limits.processorWeight }),
  };
}

export function storageQoS(limits: ContainerLimits): StorageQoS | undefined {
  const { storageIops, storageBandwidth } = limits;
  if (storageIops === 0 && storageBandwidth === 0) return undefined;
  return {
    ...(storageIops === 0 ? {} : { IopsMaximum: storageIops }),
    ...(storageBandwidth === 0 ? {} : { BandwidthMaximum: storageBandwidth }),
  };
}

/** The first build that knows processor groups in affinities of jobs. */
const GROUP_AFFINITY_BUILD = 20348;

/** @throws {SpecError} when this build cannot set the affinity, or it names no processor */
export function checkAffinity(affinity: readonly GroupAffinity[], build: number, at: string): void {
  for (const [index, { mask, group }] of affinity.entries()) {
    if (mask === 0)
      throw new SpecError({ at: `${at}/affinity/${index}/mask`, rule: "must name a processor", value: mask });
    if ((affinity.length > 1 || group !== 0) && build < GROUP_AFFINITY_BUILD) {
      throw new SpecError({
        at: `${at}/affinity/${index}/group`,
        rule: `processor groups need build ${GROUP_AFFINITY_BUILD}, this host has ${build}`,
        value: affinity,
      });
    }
  }
}
