/** Property queries and their answers. */

import type { HvSocketServiceConfig } from "./compute-system.ts";
import type { ContainerCredentialGuardState } from "./container.ts";

export type PropertyType =
  "Statistics" | "ProcessList" | "Memory" | "SystemGUID" | "ProcessorTopology" | "ContainerCredentialGuard";

/** An empty query answers the basic properties. */
export interface PropertyQuery {
  PropertyTypes?: PropertyType[];
}

export interface SystemProperties {
  SystemType?: "Container" | "VirtualMachine";
  RuntimeOsType?: string;
  Owner?: string;
  State?: string;
  /** Of a VM: the GUID under which Hyper-V sockets know it. */
  RuntimeId?: string;
  Statistics?: SystemStatistics;
  ProcessList?: ProcessListEntry[];
  Memory?: MemoryProperties;
}

export interface SystemStatistics {
  /** ISO 8601 */
  Timestamp: string;
  ContainerStartTime?: string;
  Uptime100ns?: number | bigint;
  Processor?: {
    TotalRuntime100ns?: number | bigint;
    RuntimeUser100ns?: number | bigint;
    RuntimeKernel100ns?: number | bigint;
  };
  Memory?: {
    MemoryUsageCommitBytes?: number | bigint;
    MemoryUsageCommitPeakBytes?: number | bigint;
    MemoryUsagePrivateWorkingSetBytes?: number | bigint;
  };
  Storage?: {
    ReadCountNormalized?: number | bigint;
    ReadSizeBytes?: number | bigint;
    WriteCountNormalized?: number | bigint;
    WriteSizeBytes?: number | bigint;
  };
}

export interface ProcessListEntry {
  ProcessId: number;
  ImageName?: string;
  /** ISO 8601 */
  CreateTimestamp?: string;
  UserTime100ns?: number | bigint;
  KernelTime100ns?: number | bigint;
  MemoryCommitBytes?: number | bigint;
  MemoryWorkingSetPrivateBytes?: number | bigint;
  MemoryWorkingSetSharedBytes?: number | bigint;
}

export interface MemoryProperties {
  VirtualNodeCount?: number;
  VirtualMachineMemory?: {
    AvailableMemory?: number;
    AvailableMemoryBuffer?: number;
    ReservedMemory?: number | bigint;
    /** In pages of 4096 bytes. */
    AssignedMemory?: number | bigint;
    SlpActive?: boolean;
    BalancingEnabled?: boolean;
    DmOperationInProgress?: boolean;
  };
}

/** Answer of HcsGetServiceProperties: an element for each type that was asked for. */
export interface ServiceProperties {
  Properties: {
    /** `ProcessorTopology` */
    LogicalProcessorCount?: number;
    /** `ContainerCredentialGuard` */
    Instances?: CredentialGuardInstance[];
  }[];
}

/** Credentials that the host keeps ready for one container. */
export interface CredentialGuardInstance {
  Id: string;
  CredentialGuard?: ContainerCredentialGuardState;
  /** For a container in a VM: the service of the host it reaches them by. */
  HvSocketConfig?: { ServiceId: string; ServiceConfig: HvSocketServiceConfig };
}
