/**
 * Requests that change a guest's resources, one function per resource and direction. Members that are zero,
 * empty or false are left out: that is how guests read them, and a Windows guest refuses what it does not
 * know. What would hang or crash a guest is refused here.
 */
import type {
  ConfidentialCombinedLayers,
  BlockCims,
  ContainerConstraints,
  GuestRequestType,
  GuestResourceRequest,
  GuestResourceSettings,
  GuestResourceType,
  HvSocketAddresses,
  LinuxCombinedLayers,
  LinuxMappedDirectory,
  LinuxMappedVirtualDisk,
  LinuxNetworkAdapter,
  ScsiDevice,
  SecurityPolicy,
  SecurityPolicyFragment,
  VPCIDevice,
  VPMemDevice,
  WindowsCombinedLayers,
  WindowsMappedDirectory,
  WindowsMappedVirtualDisk,
} from "./resources.ts";
import type { HcnEndpoint, HcnNamespace } from "../schema/hcn.ts";

/** Emulated SCSI controllers a VM can have; a Linux guest crashes on a higher index. */
export const SCSI_CONTROLLERS = 4;
/** Disks per controller. */
export const SCSI_LUNS = 64;

/** The filter that is meant when none is named. */
const DEFAULT_FILTER = "WCIFS";

/**
 * Mounts a SCSI disk in a Linux guest. The disk must be attached before: a guest waits for one that is not
 * there for ever. Throws `RangeError` for an address no controller has.
 */
export function addMappedVirtualDisk(
  disk: LinuxMappedVirtualDisk,
): GuestResourceRequest<"MappedVirtualDisk"> {
  checkScsiAddress(disk);
  return request("Add", "MappedVirtualDisk", disk);
}

/** Unmounts a SCSI disk in a Linux guest, before it is detached. */
export function removeMappedVirtualDisk(
  disk: LinuxMappedVirtualDisk,
): GuestResourceRequest<"MappedVirtualDisk"> {
  checkScsiAddress(disk);
  const { MountPath, Lun, Controller, Partition, ReadOnly, BlockDev } = disk;
  return request("Remove", "MappedVirtualDisk", {
    MountPath,
    Lun,
    Controller,
    Partition,
    ReadOnly,
    BlockDev,
  });
}

/** Lets a Linux guest unplug a SCSI disk, after it was unmounted and before the host detaches it. */
export function removeScsiDevice(device: ScsiDevice): GuestResourceRequest<"SCSIDevice"> {
  checkScsiAddress(device);
  return request("Remove", "SCSIDevice", device);
}

/** Mounts a Plan9 share in a Linux guest. */
export function addMappedDirectory(directory: LinuxMappedDirectory): GuestResourceRequest<"MappedDirectory"> {
  return request("Add", "MappedDirectory", directory);
}

/** Unmounts a Plan9 share in a Linux guest and deletes its mount point. */
export function removeMappedDirectory(
  directory: LinuxMappedDirectory,
): GuestResourceRequest<"MappedDirectory"> {
  return request("Remove", "MappedDirectory", directory);
}

/** Mounts a persistent memory device, or a part of one, in a Linux guest. */
export function addVPMemDevice(device: VPMemDevice): GuestResourceRequest<"VPMemDevice"> {
  return request("Add", "VPMemDevice", vpMemSettings(device));
}

export function removeVPMemDevice(device: VPMemDevice): GuestResourceRequest<"VPMemDevice"> {
  return request("Remove", "VPMemDevice", vpMemSettings(device));
}

/** Makes a container's root file system of its layers in a Linux guest. */
export function addCombinedLayers(layers: LinuxCombinedLayers): GuestResourceRequest<"CombinedLayers"> {
  return request("Add", "CombinedLayers", layers);
}

/** Takes a container's root file system apart. Linux and Windows guests; a missing path is success. */
export function removeCombinedLayers(containerRootPath: string): GuestResourceRequest<"CombinedLayers"> {
  return request("Remove", "CombinedLayers", { ContainerRootPath: containerRootPath });
}

/** Adds a network adapter to a namespace of a Linux guest, before the sandbox container is created. */
export function addNetworkAdapter(adapter: LinuxNetworkAdapter): GuestResourceRequest<"Network"> {
  const { IPConfigs, Routes } = adapter;
  return request("Add", "Network", {
    ...adapter,
    IPConfigs: IPConfigs?.map(withoutZero),
    Routes: Routes?.map(withoutZero),
  });
}

/** Makes a Linux guest forget an adapter. An unknown namespace is success. */
export function removeNetworkAdapter(
  adapter: Pick<LinuxNetworkAdapter, "NamespaceID" | "ID">,
): GuestResourceRequest<"Network"> {
  return request("Remove", "Network", { NamespaceID: adapter.NamespaceID, ID: adapter.ID });
}

/** Waits in a Linux guest until an assigned device has appeared. */
export function addVPCIDevice(device: VPCIDevice): GuestResourceRequest<"VPCIDevice"> {
  return request("Add", "VPCIDevice", device);
}

/** New limits of one Linux container, to be sent with the container's id. */
export function updateContainerConstraints(
  constraints: ContainerConstraints,
): GuestResourceRequest<"ContainerConstraints"> {
  return request("Update", "ContainerConstraints", constraints);
}

/** Makes a Linux guest read its memory size again and fit the limit of all containers to it. */
export function updatePodMemoryLimit(): GuestResourceRequest<"PodCgroupMemoryLimit"> {
  return request("Update", "PodCgroupMemoryLimit", undefined);
}

/** Sets the policy of a confidential guest, before anything is mounted. */
export function addSecurityPolicy(policy: SecurityPolicy): GuestResourceRequest<"SecurityPolicy"> {
  return request("Add", "SecurityPolicy", policy);
}

export function addSecurityPolicyFragment(
  fragment: SecurityPolicyFragment,
): GuestResourceRequest<"SecurityPolicyFragment"> {
  return request("Add", "SecurityPolicyFragment", fragment);
}

/** Tells a Windows guest its own address and the host's, once after the connection was made. */
export function updateHvSocket(addresses: HvSocketAddresses): GuestResourceRequest<"HvSocket"> {
  return request("Update", "HvSocket", addresses);
}

/** Mounts a SCSI disk in a Windows guest; controller 0 is the only one. */
export function addWindowsMappedVirtualDisk(
  disk: WindowsMappedVirtualDisk,
): GuestResourceRequest<"MappedVirtualDisk"> {
  checkScsiAddress(disk);
  return request("Add", "MappedVirtualDisk", disk);
}

export function removeWindowsMappedVirtualDisk(
  disk: WindowsMappedVirtualDisk,
): GuestResourceRequest<"MappedVirtualDisk"> {
  checkScsiAddress(disk);
  return request("Remove", "MappedVirtualDisk", disk);
}

/** A scratch disk that a confidential Windows guest formats itself. */
export function addWindowsScratchDisk(
  disk: WindowsMappedVirtualDisk,
): GuestResourceRequest<"MappedVirtualDiskForContainerScratch"> {
  checkScsiAddress(disk);
  return request("Add", "MappedVirtualDiskForContainerScratch", disk);
}

/** Makes a share of the host visible in a Windows guest. */
export function addWindowsMappedDirectory(
  directory: WindowsMappedDirectory,
): GuestResourceRequest<"MappedDirectory"> {
  return request("Add", "MappedDirectory", directory);
}

export function addWindowsCombinedLayers(
  layers: WindowsCombinedLayers,
): GuestResourceRequest<"CombinedLayers"> {
  return request("Add", "CombinedLayers", windowsLayers(layers));
}

/** Layers of a confidential Windows container; Remove carries the container and its root path alone. */
export function addConfidentialCombinedLayers(
  settings: ConfidentialCombinedLayers,
): GuestResourceRequest<"CWCOWCombinedLayers"> {
  return request("Add", "CWCOWCombinedLayers", confidentialLayers(settings));
}

export function removeConfidentialCombinedLayers(
  settings: ConfidentialCombinedLayers,
): GuestResourceRequest<"CWCOWCombinedLayers"> {
  return request("Remove", "CWCOWCombinedLayers", confidentialLayers(settings));
}

export function addBlockCims(cims: BlockCims): GuestResourceRequest<"WCOWBlockCims"> {
  return request("Add", "WCOWBlockCims", { ...cims, BlockCIMs: cims.BlockCIMs?.map(withoutZero) });
}

export function removeBlockCims(volumeGuid: string): GuestResourceRequest<"WCOWBlockCims"> {
  return request("Remove", "WCOWBlockCims", { VolumeGUID: volumeGuid });
}

export function addNetworkNamespace(namespace: HcnNamespace): GuestResourceRequest<"NetworkNamespace"> {
  return request("Add", "NetworkNamespace", namespace);
}

export function removeNetworkNamespace(namespace: HcnNamespace): GuestResourceRequest<"NetworkNamespace"> {
  return request("Remove", "NetworkNamespace", namespace);
}

/** Announces an adapter to a Windows guest, before the host adds it. */
export function preAddWindowsNetworkAdapter(
  adapterId: string,
  endpoint: HcnEndpoint,
): GuestResourceRequest<"Network"> {
  return request("Add", "Network", { AdapterId: adapterId, RequestType: "PreAdd", Settings: endpoint });
}

/** Completes an adapter in a Windows guest, together with the host's own addition. */
export function addWindowsNetworkAdapter(adapterId: string): GuestResourceRequest<"Network"> {
  return request("Add", "Network", { AdapterId: adapterId, RequestType: "Add" });
}

export function removeWindowsNetworkAdapter(adapterId: string): GuestResourceRequest<"Network"> {
  return request("Remove", "Network", { AdapterId: adapterId, RequestType: "Remove" });
}

type Loose<T> = T extends object ? { [Key in keyof T]: T[Key] | undefined } : T;

function request<Type extends GuestResourceType>(
  requestType: GuestRequestType,
  resourceType: Type,
  settings: Loose<GuestResourceSettings[Type]>,
): GuestResourceRequest<Type> {
  const head = { RequestType: requestType, ResourceType: resourceType };
  if (settings === undefined) return head;
  return { ...head, Settings: withoutZero(settings) as GuestResourceSettings[Type] };
}

/** A copy without members whose absence means the same; nested objects are left as they are. */
function withoutZero<T extends object>(settings: T): T {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => !isZero(value))) as T;
}

function isZero(value: unknown): boolean {
  return !value || (Array.isArray(value) && value.length === 0);
}

function vpMemSettings(device: VPMemDevice): VPMemDevice {
  return device.MappingInfo === undefined
    ? device
    : { ...device, MappingInfo: withoutZero(device.MappingInfo) };
}

function windowsLayers(layers: WindowsCombinedLayers): WindowsCombinedLayers {
  const { FilterType, ...rest } = layers;
  return withoutZero(FilterType === undefined || FilterType === DEFAULT_FILTER ? rest : layers);
}

function confidentialLayers(settings: ConfidentialCombinedLayers): ConfidentialCombinedLayers {
  return settings.CombinedLayers === undefined
    ? settings
    : { ...settings, CombinedLayers: windowsLayers(settings.CombinedLayers) };
}

function checkScsiAddress({ Controller = 0, Lun = 0 }: ScsiDevice): void {
  const isController = Number.isInteger(Controller) && Controller >= 0 && Controller < SCSI_CONTROLLERS;
  const isLun = Number.isInteger(Lun) && Lun >= 0 && Lun < SCSI_LUNS;
  if (!isController || !isLun) throw new RangeError(`no SCSI address ${Controller}:${Lun} in a utility VM`);
}
