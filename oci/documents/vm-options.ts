/**
 * The options that utility VMs have whatever their guest, read from annotations and the pod's resources. Values are
 * as asked for: rounding and what the host can give are the document's.
 */
import type { HvSocketServiceConfig } from "../../hcs/schema/compute-system.ts";
import * as ANNOTATION from "../annotations/catalogue.ts";
import type { AnnotationReader } from "../annotations/read.ts";
import type { Uint64 } from "../annotations/values.ts";
import { SpecError, type SpecWarning } from "../errors.ts";
import type { WindowsResources } from "../spec.ts";
import { hvSocketServices } from "./hv-socket-table.ts";
import type { NumaWishes } from "./vm-numa.ts";

export interface VmOptions {
  /** MiB, as asked for. */
  readonly memoryMb: number;
  readonly allowOvercommit: boolean;
  readonly deferredCommit: boolean;
  readonly physicallyBacked: boolean;
  readonly lowMmioGapMb: Uint64;
  readonly highMmioBaseMb: Uint64;
  readonly highMmioGapMb: Uint64;
  /** As asked for; the document has at most what the host has. */
  readonly processorCount: number;
  readonly processorLimit: number;
  readonly processorWeight: number;
  readonly cpuGroupId: string;
  /** Lower-case GUID. */
  readonly resourcePartitionId?: string;
  readonly storageIops: number;
  readonly storageBandwidth: number;
  readonly numa: NumaWishes;
  readonly noWritableShares: boolean;
  /** Pipe of the first serial port; empty: the VM has none. */
  readonly consolePipe: string;
  /** The port is there to be read alone: nobody gets a shell on it. */
  readonly consoleIsLog: boolean;
  readonly processDumpLocation: string;
  readonly dumpDirectory: string;
  /** Directory of the host with boot files; empty: the guest's own default. */
  readonly bootFilesRoot: string;
  readonly networkProxy: string;
  /** By lower-case service GUID. */
  readonly hvSocketServices: Readonly<Record<string, HvSocketServiceConfig>>;
}

/** Facts about the host that options depend on. */
export interface VmOptionsHost {
  readonly build: number;
  readonly logicalProcessors: number;
}

const DEFAULT_MEMORY_MB = 1024;
const DEFAULT_PROCESSORS = 2;
const CPU_GROUP_BUILD = 19_043;

/** @throws {SpecError} for a value nothing sensible could be assumed for */
export function readVmOptions(
  reader: AnnotationReader,
  resources: WindowsResources,
  host: VmOptionsHost,
): VmOptions {
  const physicallyBacked = reader.read(ANNOTATION.vmPhysicallyBacked) ?? false;
  const allowOvercommit = reader.read(ANNOTATION.vmAllowOvercommit) ?? true;
  const resourcePartitionId = reader.read(ANNOTATION.vmResourcePartition);
  return {
    memoryMb:
      reader.readPositive(ANNOTATION.vmMemorySize, wholeMegabytes(resources.memoryLimit)) ??
      DEFAULT_MEMORY_MB,
    allowOvercommit: allowOvercommit && !physicallyBacked,
    deferredCommit: reader.read(ANNOTATION.vmDeferredCommit) ?? false,
    physicallyBacked,
    lowMmioGapMb: reader.read(ANNOTATION.vmLowMmioGap) ?? 0,
    highMmioBaseMb: reader.read(ANNOTATION.vmHighMmioBase) ?? 0,
    highMmioGapMb: reader.read(ANNOTATION.vmHighMmioGap) ?? 0,
    processorCount:
      reader.readPositive(ANNOTATION.vmProcessorCount, resources.cpuCount) ??
      Math.min(DEFAULT_PROCESSORS, host.logicalProcessors),
    processorLimit: reader.readPositive(ANNOTATION.vmProcessorLimit, resources.cpuMaximum) ?? 0,
    processorWeight: reader.readPositive(ANNOTATION.vmProcessorWeight, resources.cpuShares) ?? 0,
    cpuGroupId: reader.read(ANNOTATION.vmCpuGroup) ?? "",
    ...(resourcePartitionId === undefined ? {} : { resourcePartitionId }),
    storageIops: reader.readPositive(ANNOTATION.vmStorageIops, resources.storageIops) ?? 0,
    storageBandwidth: reader.readPositive(ANNOTATION.vmStorageBandwidth, resources.storageBps) ?? 0,
    numa: {
      maxProcessorsPerNode: reader.read(ANNOTATION.numaMaxProcessorsPerNode) ?? 0,
      maxSizePerNode: reader.read(ANNOTATION.numaMaxSizePerNode) ?? 0,
      preferredPhysicalNodes: reader.read(ANNOTATION.numaPreferredNodes) ?? [],
      mappedPhysicalNodes: reader.read(ANNOTATION.numaMappedNodes) ?? [],
      processorCounts: reader.read(ANNOTATION.numaProcessorCounts) ?? [],
      memoryBlocks: reader.read(ANNOTATION.numaMemoryBlocks) ?? [],
    },
    noWritableShares: reader.read(ANNOTATION.vmNoWritableShares) ?? false,
    consolePipe: reader.read(ANNOTATION.vmConsolePipe) ?? "",
    consoleIsLog: false,
    processDumpLocation: reader.read(ANNOTATION.processDumpLocation) ?? "",
    dumpDirectory: reader.read(ANNOTATION.vmDumpDirectory) ?? "",
    bootFilesRoot: reader.read(ANNOTATION.vmBootFiles) ?? "",
    networkProxy: reader.read(ANNOTATION.networkProxy) ?? "",
    hvSocketServices: hvSocketServices(reader),
  };
}

/** A limit below one MiB is no limit a VM could have. */
function wholeMegabytes(bytes: number | undefined): number | undefined {
  const megabytes = Math.floor((bytes ?? 0) / 1024 ** 2);
  return megabytes === 0 ? undefined : megabytes;
}

/** A condition of the final check: the annotation at fault, what must hold, the value to show. */
export type VmRule = readonly [holds: boolean, key: string, rule: string, value: unknown];

/** The rules that hold for every VM, in the order they are told. */
export function vmRules(options: VmOptions, host: VmOptionsHost): readonly VmRule[] {
  const { key: partitionKey } = ANNOTATION.vmResourcePartition;
  const { key: groupKey } = ANNOTATION.vmCpuGroup;
  const notNegative = (row: { readonly key: string }, value: number): VmRule => [
    value >= 0,
    row.key,
    "must not be negative",
    value,
  ];
  return [
    [
      !options.deferredCommit || options.allowOvercommit,
      ANNOTATION.vmDeferredCommit.key,
      `needs ${ANNOTATION.vmAllowOvercommit.key} to be true`,
      true,
    ],
    [
      options.resourcePartitionId === undefined || options.cpuGroupId === "",
      partitionKey,
      `cannot be set together with ${groupKey}`,
      options.resourcePartitionId,
    ],
    [
      options.cpuGroupId === "" || host.build >= CPU_GROUP_BUILD,
      groupKey,
      `needs Windows build ${CPU_GROUP_BUILD} or later, this host is ${host.build}`,
      options.cpuGroupId,
    ],
    [options.processorCount > 0, ANNOTATION.vmProcessorCount.key, "must be positive", options.processorCount],
    notNegative(ANNOTATION.vmProcessorLimit, options.processorLimit),
    notNegative(ANNOTATION.vmProcessorWeight, options.processorWeight),
    notNegative(ANNOTATION.vmStorageIops, options.storageIops),
    notNegative(ANNOTATION.vmStorageBandwidth, options.storageBandwidth),
  ];
}

/** @throws {SpecError} for the first rule that does not hold */
export function checkVmRules(rules: readonly VmRule[]): void {
  for (const [holds, key, rule, value] of rules) {
    if (!holds) throw new SpecError({ at: `annotation ${key}`, rule, value });
  }
}

/** Memory of a VM comes in pairs of MiB. */
export function evenUp(megabytes: number): number {
  return megabytes + (megabytes % 2);
}

/** What the document of the VM says differently from what was asked for. */
export function sizeWarnings(options: VmOptions, host: VmOptionsHost): SpecWarning[] {
  const warnings: SpecWarning[] = [];
  const memoryMb = evenUp(options.memoryMb);
  if (memoryMb !== options.memoryMb) {
    warnings.push({
      kind: "memory-aligned-to-even-MB",
      at: `annotation ${ANNOTATION.vmMemorySize.key}`,
      message: `rounded up to ${memoryMb}: memory of a VM comes in pairs of MiB`,
      value: String(options.memoryMb),
    });
  }
  if (options.processorCount > host.logicalProcessors) {
    warnings.push({
      kind: "processor-count-clamped-to-available",
      at: `annotation ${ANNOTATION.vmProcessorCount.key}`,
      message: `the VM has ${host.logicalProcessors}: the host has no more`,
      value: String(options.processorCount),
    });
  }
  return warnings;
}
