/** Devices of a utility VM, as its document names them. */

export interface Devices {
  /** By port number, `"0"` is COM1. */
  ComPorts?: Record<string, { NamedPipe?: string }>;
  EnhancedModeVideo?: Record<string, never>;
  GuestCrashReporting?: { WindowsCrashSettings?: WindowsCrashSettings };
  HvSocket?: { HvSocketConfig: HvSocketSystemConfig };
  Keyboard?: Record<string, never>;
  Plan9?: Record<string, never>;
  /** By instance id, a lower-case GUID. */
  Scsi?: Record<string, ScsiController>;
  VideoMonitor?: Record<string, never>;
  VirtualPMem?: VirtualPMemController;
  /** By VMBus GUID. */
  VirtualPci?: Record<string, VirtualPciDevice>;
  VirtualSmb?: VirtualSmb;
}

export interface WindowsCrashSettings {
  DumpFileName?: string;
  DumpType?: "Full";
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
  /** By device number. */
  Devices?: Record<string, VirtualPMemDevice>;
}

export interface VirtualPMemDevice {
  HostPath: string;
  ReadOnly?: boolean;
  ImageFormat?: "Vhd1" | "Vhdx";
}

export interface VirtualPciDevice {
  Functions: VirtualPciFunction[];
  PropagateNumaAffinity?: boolean;
}

export interface VirtualPciFunction {
  DeviceInstancePath: string;
  VirtualFunction?: number;
}

export interface VirtualSmb {
  Shares?: VirtualSmbShare[];
  /** Address space of the guest for files mapped directly, MiB. */
  DirectFileMappingInMB?: number;
}

export interface VirtualSmbShare {
  Name: string;
  Path?: string;
  /** Full paths; everything else below `Path` is hidden when file access is restricted. */
  AllowedFiles?: string[];
  Options?: VirtualSmbShareOptions;
}

export interface VirtualSmbShareOptions {
  ReadOnly?: boolean;
  /** Others on the host may read files that the guest has open. */
  ShareRead?: boolean;
  CacheIo?: boolean;
  NoOplocks?: boolean;
  TakeBackupPrivilege?: boolean;
  /** Files are never mapped into the guest's memory, so that the share can be removed. */
  NoDirectmap?: boolean;
  RestrictFileAccess?: boolean;
  PseudoOplocks?: boolean;
  SingleFileMapping?: boolean;
}
