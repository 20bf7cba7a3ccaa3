/**
 * The compute system document (HCS schema 2.x): what `HcsCreateComputeSystem` takes. JSON names are exact.
 * Memory is in MiB, times in units of 100 ns, storage limits per second.
 */

export interface SchemaVersion {
  Major: number;
  Minor?: number;
}

export interface ComputeSystemDocument {
  Owner: string;
  SchemaVersion: SchemaVersion;
  ShouldTerminateOnLastHandleClosed?: boolean;
  VirtualMachine?: VirtualMachine;
}

export interface VirtualMachine {
  StopOnReset?: boolean;
  Chipset?: Chipset;
  ComputeTopology?: ComputeTopology;
  Devices?: Devices;
  StorageQoS?: StorageQoS;
}

export interface Chipset {
  LinuxKernelDirect?: LinuxKernelDirect;
}

export interface LinuxKernelDirect {
  KernelFilePath: string;
  InitRdPath?: string;
  KernelCmdLine?: string;
}

export interface ComputeTopology {
  Memory?: VirtualMachineMemory;
  Processor?: VirtualMachineProcessor;
}

export interface VirtualMachineMemory {
  /** MiB, even. */
  SizeInMB: number;
  AllowOvercommit?: boolean;
  EnableDeferredCommit?: boolean;
  EnableColdDiscardHint?: boolean;
  LowMmioGapInMB?: number;
  HighMmioBaseInMB?: number;
  HighMmioGapInMB?: number;
}

export interface VirtualMachineProcessor {
  Count: number;
  /** 1–100000, in thousandths of a percent of the host's processors. */
  Limit?: number;
  /** 0–10000. */
  Weight?: number;
}

export interface Devices {
  HvSocket?: { HvSocketConfig: HvSocketSystemConfig };
  Plan9?: Record<string, never>;
  Scsi?: Record<string, ScsiController>;
  VirtualPMem?: VirtualPMemController;
}

export interface HvSocketSystemConfig {
  /** SDDL. */
  DefaultBindSecurityDescriptor?: string;
  /** SDDL. */
  DefaultConnectSecurityDescriptor?: string;
  /** By lower-case service GUID. */
  ServiceTable?: Record<string, HvSocketServiceConfig>;
}

export interface HvSocketServiceConfig {
  BindSecurityDescriptor?: string;
  ConnectSecurityDescriptor?: string;
  AllowWildcardBinds?: boolean;
  Disabled?: boolean;
}

export interface ScsiController {
  /** By LUN, a decimal string. */
  Attachments?: Record<string, ScsiAttachment>;
}

export interface ScsiAttachment {
  Type: "VirtualDisk" | "PassThru" | "ExtensibleVirtualDisk";
  Path: string;
  ReadOnly?: boolean;
  ExtensibleVirtualDiskType?: string;
}

export interface VirtualPMemController {
  MaximumCount: number;
  MaximumSizeBytes: number;
}

export interface StorageQoS {
  IopsMaximum?: number;
  /** Bytes per second. */
  BandwidthMaximum?: number;
}
