/**
 * The document of a utility VM for Linux containers. Pure: decisions in, document out.
 */
import type {
  ComputeSystemDocument,
  Devices,
  LinuxKernelDirect,
  ScsiController,
  VirtualMachineMemory,
} from "../../hcs/schema/compute-system.ts";
import * as ANNOTATION from "../annotations/catalogue.ts";
import type { AnnotationReader } from "../annotations/read.ts";
import type { Uint64 } from "../annotations/values.ts";
import { SpecError } from "../errors.ts";
import type { WindowsResources } from "../spec.ts";

/** Facts about the host that the document depends on. */
export interface LinuxVmHost {
  readonly build: number;
  readonly logicalProcessors: number;
  readonly bootDirectory: string;
  /** Names of the boot files present in the directory. */
  readonly bootFiles: readonly string[];
}

export interface LinuxVmOptions {
  /** MiB, even. */
  readonly memoryMb: number;
  readonly allowOvercommit: boolean;
  readonly deferredCommit: boolean;
  readonly coldDiscardHint: boolean;
  readonly lowMmioGapMb: Uint64;
  readonly highMmioBaseMb: Uint64;
  readonly highMmioGapMb: Uint64;
  /** As asked for; the document has at most what the host has. */
  readonly processorCount: number;
  readonly processorLimit: number;
  readonly processorWeight: number;
  readonly storageIops: number;
  readonly storageBandwidth: number;
  readonly vpmemCount: number;
  readonly vpmemSizeBytes: number;
  readonly kernelBootOptions: string;
  readonly vpci: boolean;
  readonly timeSync: boolean;
  readonly processDumpLocation: string;
  /** Log level of the guest agent, in logrus words. */
  readonly guestLogLevel: string;
}

const DEFAULT_MEMORY_MB = 1024;
const DEFAULT_VPMEM_COUNT = 64;
const DEFAULT_VPMEM_BYTES = 4 * 1024 ** 3;
const MOST_VPMEM = 128;
const PAGE = 4096;
const COLD_DISCARD_BUILD = 18967;
const KERNEL_DIRECT_BUILD = 18286;
const INITRD = "initrd.img";

/** Instance ids of the four SCSI controllers a VM may have. */
export const SCSI_CONTROLLERS: readonly string[] = [
  "df6d0690-79e5-55b6-a5ec-c1e2f77f580a",
  "0110f83b-de10-5172-a266-78bca56bf50a",
  "b5d2d8d4-3a75-51bf-945b-3444dc6b8579",
  "305891a9-b251-5dfe-91a2-c25d9212275b",
];

/** Only SYSTEM and administrators may bind a Hyper-V socket towards the VM. */
const ADMINISTRATORS_ONLY = "D:P(A;;FA;;;SY)(A;;FA;;;BA)";

/**
 * Decides the options of the VM from the pod's annotations and resources.
 *
 * @throws {SpecError} when options contradict each other or the host cannot provide them
 */
export function linuxVmOptions(
  reader: AnnotationReader,
  resources: WindowsResources,
  host: LinuxVmHost,
  guestLogLevel: string,
): LinuxVmOptions {
  const physical = reader.read(ANNOTATION.vmPhysicallyBacked) ?? false;
  const overcommit = reader.read(ANNOTATION.vmAllowOvercommit) ?? true;
  const limitMb = resources.memoryLimit === undefined ? 0 : Math.floor(resources.memoryLimit / 1024 ** 2);
  const memoryMb = reader.readPositive(ANNOTATION.vmMemorySize, limitMb) ?? 0;
  const vpmemCount = reader.read(ANNOTATION.vpmemCount) ?? DEFAULT_VPMEM_COUNT;
  const options: LinuxVmOptions = {
    memoryMb: evenUp(memoryMb > 0 ? memoryMb : DEFAULT_MEMORY_MB),
    allowOvercommit: overcommit && !physical,
    deferredCommit: reader.read(ANNOTATION.vmDeferredCommit) ?? false,
    coldDiscardHint: reader.read(ANNOTATION.vmColdDiscardHint) ?? false,
    lowMmioGapMb: reader.read(ANNOTATION.vmLowMmioGap) ?? 0,
    highMmioBaseMb: reader.read(ANNOTATION.vmHighMmioBase) ?? 0,
    highMmioGapMb: reader.read(ANNOTATION.vmHighMmioGap) ?? 0,
    processorCount:
      reader.readPositive(ANNOTATION.vmProcessorCount, resources.cpuCount) ??
      Math.min(2, host.logicalProcessors),
    processorLimit: reader.readPositive(ANNOTATION.vmProcessorLimit, resources.cpuMaximum) ?? 0,
    processorWeight: reader.readPositive(ANNOTATION.vmProcessorWeight, resources.cpuShares) ?? 0,
    storageIops: reader.readPositive(ANNOTATION.vmStorageIops, resources.storageIops) ?? 0,
    storageBandwidth: reader.readPositive(ANNOTATION.vmStorageBandwidth, resources.storageBps) ?? 0,
    vpmemCount: physical ? 0 : vpmemCount,
    vpmemSizeBytes: reader.read(ANNOTATION.vpmemSize) ?? DEFAULT_VPMEM_BYTES,
    kernelBootOptions: reader.read(ANNOTATION.kernelBootOptions) ?? "",
    vpci: reader.read(ANNOTATION.vpciEnabled) ?? false,
    timeSync: !(reader.read(ANNOTATION.timeSyncDisabled) ?? false),
    processDumpLocation: reader.read(ANNOTATION.processDumpLocation) ?? "",
    guestLogLevel,
  };
  checkOptions(options, host);
  return options;
}

/** One rule per row: the annotation at fault, what must hold, and the value to show. */
function checkOptions(options: LinuxVmOptions, host: LinuxVmHost): void {
  const rules: readonly (readonly [boolean, string, string, unknown])[] = [
    [
      !options.deferredCommit || options.allowOvercommit,
      ANNOTATION.vmDeferredCommit.key,
      `needs ${ANNOTATION.vmAllowOvercommit.key} to be true`,
      true,
    ],
    [
      !options.coldDiscardHint || host.build >= COLD_DISCARD_BUILD,
      ANNOTATION.vmColdDiscardHint.key,
      `needs Windows build ${COLD_DISCARD_BUILD}, this host is ${host.build}`,
      true,
    ],
    [
      options.vpmemCount <= MOST_VPMEM,
      ANNOTATION.vpmemCount.key,
      `must be at most ${MOST_VPMEM}`,
      options.vpmemCount,
    ],
    [
      options.vpmemCount === 0 || options.vpmemSizeBytes % PAGE === 0,
      ANNOTATION.vpmemSize.key,
      `must be a multiple of ${PAGE}`,
      options.vpmemSizeBytes,
    ],
    [options.processorCount > 0, ANNOTATION.vmProcessorCount.key, "must be positive", options.processorCount],
    [
      options.processorLimit >= 0,
      ANNOTATION.vmProcessorLimit.key,
      "must not be negative",
      options.processorLimit,
    ],
    [
      options.processorWeight >= 0,
      ANNOTATION.vmProcessorWeight.key,
      "must not be negative",
      options.processorWeight,
    ],
    [options.storageIops >= 0, ANNOTATION.vmStorageIops.key, "must not be negative", options.storageIops],
    [
      options.storageBandwidth >= 0,
      ANNOTATION.vmStorageBandwidth.key,
      "must not be negative",
      options.storageBandwidth,
    ],
  ];
  for (const [holds, key, rule, value] of rules) {
    if (!holds) throw new SpecError({ at: `annotation ${key}`, rule, value });
  }
  if (host.build < KERNEL_DIRECT_BUILD) {
    throw new SpecError({
      at: "host",
      rule: `Linux utility VMs need Windows build ${KERNEL_DIRECT_BUILD} for direct kernel boot`,
      value: host.build,
    });
  }
}

/** @param owner base name of the shim executable */
export function linuxVmDocument(
  options: LinuxVmOptions,
  host: LinuxVmHost,
  owner: string,
): ComputeSystemDocument {
  const qos = {
    ...nonZero("IopsMaximum", options.storageIops),
    ...nonZero("BandwidthMaximum", options.storageBandwidth),
  };
  return {
    Owner: owner,
    SchemaVersion: { Major: 2, Minor: 1 },
    ShouldTerminateOnLastHandleClosed: true,
    VirtualMachine: {
      StopOnReset: true,
      Chipset: { LinuxKernelDirect: kernelDirect(options, host) },
      ComputeTopology: {
        Memory: memory(options),
        Processor: {
          Count: Math.min(options.processorCount, host.logicalProcessors),
          ...nonZero("Limit", options.processorLimit),
          ...nonZero("Weight", options.processorWeight),
        },
      },
      Devices: devices(options),
      ...(Object.keys(qos).length === 0 ? {} : { StorageQoS: qos }),
    },
  };
}

function memory(options: LinuxVmOptions): VirtualMachineMemory {
  return {
    SizeInMB: options.memoryMb,
    ...whenTrue("AllowOvercommit", options.allowOvercommit),
    ...whenTrue("EnableDeferredCommit", options.deferredCommit),
    ...whenTrue("EnableColdDiscardHint", options.coldDiscardHint),
    ...nonZero("LowMmioGapInMB", options.lowMmioGapMb),
    ...nonZero("HighMmioBaseInMB", options.highMmioBaseMb),
    ...nonZero("HighMmioGapInMB", options.highMmioGapMb),
  };
}

function devices(options: LinuxVmOptions): Devices {
  const controllers = options.vpmemCount === 0 ? SCSI_CONTROLLERS : SCSI_CONTROLLERS.slice(0, 1);
  const scsi: Record<string, ScsiController> = {};
  for (const id of controllers) scsi[id] = {};
  return {
    HvSocket: { HvSocketConfig: { DefaultBindSecurityDescriptor: ADMINISTRATORS_ONLY } },
    Plan9: {},
    Scsi: scsi,
    ...(options.vpmemCount === 0
      ? {}
      : { VirtualPMem: { MaximumCount: options.vpmemCount, MaximumSizeBytes: options.vpmemSizeBytes } }),
  };
}

function kernelDirect(options: LinuxVmOptions, host: LinuxVmHost): LinuxKernelDirect {
  const kernel = host.bootFiles.includes("vmlinux") ? "vmlinux" : "kernel";
  return {
    KernelFilePath: joinPath(host.bootDirectory, kernel),
    ...(host.bootFiles.includes(INITRD) ? { InitRdPath: joinPath(host.bootDirectory, INITRD) } : {}),
    KernelCmdLine: kernelCommandLine(options),
  };
}

/** Parts in the order the guest's init expects; the leading blank stands where a root device would be named. */
function kernelCommandLine(options: LinuxVmOptions): string {
  const agent = [
    "/bin/vsockexec",
    "-e 109",
    "/bin/gcs",
    "-v4",
    "-log-format json",
    `-loglevel ${options.guestLogLevel}`,
    ...(options.timeSync ? [] : ["-disable-time-sync"]),
    ...(options.processDumpLocation === "" ? [] : [`-core-dump-location ${options.processDumpLocation}`]),
  ].join(" ");
  return [
    "",
    "initcall_blacklist=virtio_vsock_init",
    "8250_core.nr_uarts=0",
    "panic=-1 quiet",
    ...(options.kernelBootOptions === "" ? [] : [options.kernelBootOptions]),
    ...(options.vpci ? [] : ["pci=off"]),
    `nr_cpus=${options.processorCount}`,
    "brd.rd_nr=0 pmtmr=0 --",
    "-e 1",
    agent,
  ].join(" ");
}

function joinPath(directory: string, file: string): string {
  const separator = directory.includes("\\") ? "\\" : "/";
  return directory.endsWith(separator) ? directory + file : directory + separator + file;
}

function evenUp(value: number): number {
  return value + (value % 2);
}

/** HCS documents leave out zeros. */
function nonZero<K extends string, V extends Uint64>(name: K, value: V): { [key in K]?: V } {
  return value === 0 ? {} : ({ [name]: value } as { [key in K]: V });
}

/** HCS documents leave out `false`. */
function whenTrue<K extends string>(name: K, value: boolean): { [key in K]?: boolean } {
  return value ? ({ [name]: true } as { [key in K]: boolean }) : {};
}
