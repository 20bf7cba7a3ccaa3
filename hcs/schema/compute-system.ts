/**
 * The compute system document (HCS schema 2.x): what `HcsCreateComputeSystem` takes. JSON names are exact.
 * Memory is in MiB, times in units of 100 ns, storage limits per second. Members that are zero, empty or false are
 * left out.
 */
import type { WindowsContainer } from "./container.ts";
import type { RegistryChanges } from "./registry.ts";
import type { Devices } from "./virtual-devices.ts";

export type * from "./virtual-devices.ts";

export interface SchemaVersion {
  Major: number;
  Minor?: number;
}

export interface ComputeSystemDocument {
  /** Base name of the program that made it. */
  Owner: string;
  SchemaVersion: SchemaVersion;
  ShouldTerminateOnLastHandleClosed?: boolean;
  /** A container in process isolation. */
  Container?: WindowsContainer;
  VirtualMachine?: VirtualMachine;
}

export interface VirtualMachine {
  /** Version of the virtual hardware; the host's newest unless it says otherwise. */
  Version?: SchemaVersion;
  StopOnReset?: boolean;
  Chipset?: Chipset;
  ComputeTopology?: ComputeTopology;
  Devices?: Devices;
  GuestState?: GuestState;
  SecuritySettings?: { Isolation: Isolation };
  StorageQoS?: StorageQoS;
  DebugOptions?: DebugOptions;
  RegistryChanges?: RegistryChanges;
  /** Lower-case GUID. */
  ResourcePartitionId?: string;
}

export interface Chipset {
  LinuxKernelDirect?: LinuxKernelDirect;
  Uefi?: Uefi;
}

export interface LinuxKernelDirect {
  KernelFilePath: string;
  InitRdPath?: string;
  KernelCmdLine?: string;
}

export interface Uefi {
  BootThis?: UefiBootEntry;
  ApplySecureBootTemplate?: "Apply" | "Skip";
  /** Lower-case GUID. */
  SecureBootTemplateId?: string;
}

export interface UefiBootEntry {
  DeviceType: "VmbFs";
  /** Path below the root of the VMBus file system, with a leading backslash. */
  DevicePath: string;
  VmbFsRootPath?: string;
  OptionalData?: string;
}

export interface ComputeTopology {
  Memory?: VirtualMachineMemory;
  Processor?: VirtualMachineProcessor;
  Numa?: Numa;
}

export interface VirtualMachineMemory {
  /** MiB, even. */
  SizeInMB: number;
  AllowOvercommit?: boolean;
  EnableHotHint?: boolean;
  EnableDeferredCommit?: boolean;
  EnableColdDiscardHint?: boolean;
  LowMmioGapInMB?: number | bigint;
  HighMmioBaseInMB?: number | bigint;
  HighMmioGapInMB?: number | bigint;
  SlitType?: "FirmwareFallbackMeasured";
}

export interface VirtualMachineProcessor {
  Count: number;
  /** 1–100000, in thousandths of a percent of the host's processors. */
  Limit?: number;
  /** 0–10000. */
  Weight?: number;
  CpuGroup?: { Id: string };
  NumaProcessorsSettings?: { count_per_node: { max: number } };
}

/** Virtual NUMA nodes: by sizes, or one by one. */
export interface Numa {
  VirtualNodeCount?: number;
  PreferredPhysicalNodes?: number[];
  Settings?: NumaNode[];
  /** MiB. */
  MaxSizePerNode?: number;
}

export interface NumaNode {
  VirtualNodeNumber?: number;
  PhysicalNodeNumber?: number;
  VirtualSocketNumber?: number;
  CountOfProcessors?: number;
  /** MiB. */
  CountOfMemoryBlocks?: number;
  MemoryBackingType: "Physical";
}

export interface GuestState {
  GuestStateFilePath: string;
  GuestStateFileType: "BlockStorage" | "FileMode";
  ForceTransientState?: boolean;
}

export type IsolationType = "SecureNestedPaging" | "VirtualizationBasedSecurity" | "GuestStateOnly";

export interface Isolation {
  IsolationType: IsolationType;
  /** Base64: what the hardware attests the VM was launched with. */
  LaunchData?: string;
  /** Nullable: an explicit false is said. */
  HclEnabled?: boolean;
}

export interface StorageQoS {
  IopsMaximum?: number;
  /** Bytes per second. */
  BandwidthMaximum?: number;
}

export interface DebugOptions {
  BugcheckSavedStateFileName?: string;
  BugcheckNoCrashdumpSavedStateFileName?: string;
}
