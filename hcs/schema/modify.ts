/** Modify requests: the host part (`HcsModifyComputeSystem`) and its resource paths. */

export type RequestType = "Add" | "Remove" | "Update";

/** Request document of HcsModifyComputeSystem. An absent `RequestType` sets a value of the topology. */
export interface ModifySettingRequest {
  ResourcePath: string;
  RequestType?: RequestType;
  Settings?: unknown;
}

export const PLAN9_SHARES = "VirtualMachine/Devices/Plan9/Shares";

/** Flags of a Plan9 share. */
export const PLAN9_FLAG = {
  readOnly: 0x01,
  linuxMetadata: 0x04,
  restrictFileAccess: 0x80,
} as const;

export interface Plan9Share {
  Name: string;
  AccessName: string;
  Path?: string;
  Port: number;
  Flags?: number;
  /** Bare file names; everything else in `Path` is hidden when file access is restricted. */
  AllowedFiles?: string[];
}

/** `nicId` is a lower-case GUID chosen by the caller. */
export function networkAdapterPath(nicId: string): string {
  return `VirtualMachine/Devices/NetworkAdapters/${nicId}`;
}

export interface NetworkAdapter {
  EndpointId: string;
  MacAddress?: string;
}

/** `controllerId` is the controller's key in the document of the VM. */
export function scsiAttachmentPath(controllerId: string, lun: number): string {
  return `VirtualMachine/Devices/Scsi/${controllerId}/Attachments/${lun}`;
}

export const MEMORY_SIZE = "VirtualMachine/ComputeTopology/Memory/SizeInMB";
/** The settings have the `Id` of the group; the null GUID leaves it. */
export const PROCESSOR_GROUP = "VirtualMachine/ComputeTopology/Processor/CpuGroup";
export const PROCESSOR_LIMITS = "VirtualMachine/ComputeTopology/Processor/Limits";

export interface ProcessorLimits {
  Limit?: number;
  Weight?: number;
}

export const VSMB_SHARES = "VirtualMachine/Devices/VirtualSmb/Shares";

/** `hostPath` is the pipe's path as it is, `\\.\pipe\…`. */
export function mappedPipePath(hostPath: string): string {
  return `VirtualMachine/Devices/MappedPipes/${hostPath}`;
}

/** `serviceId` is a lower-case GUID. */
export function hvSocketServicePath(serviceId: string): string {
  return `VirtualMachine/Devices/HvSocket/HvSocketConfig/ServiceTable/${serviceId}`;
}

/** A whole VPMem device. */
export function vpmemDevicePath(device: number): string {
  return `VirtualMachine/Devices/VirtualPMem/Devices/${device}`;
}

/** A part of a VPMem device, which needs no device to be added before; `offset` in bytes. */
export function vpmemMappingPath(device: number, offset: number): string {
  return `${vpmemDevicePath(device)}/Mappings/${offset}`;
}

/** `vmBusId` is a lower-case GUID chosen by the caller. */
export function virtualPciPath(vmBusId: string): string {
  return `VirtualMachine/Devices/VirtualPci/${vmBusId}`;
}
