/**
 * Resources of a guest and their settings, as `ModifySettings` carries them. JSON names are exact. Every
 * member that may be zero is optional: zero, empty and false members are left out on the wire, and a Windows
 * guest refuses members it does not know. `modify.ts` builds the requests.
 */
import type { HcnEndpoint, HcnNamespace } from "../schema/hcn.ts";

/** `PreAdd` occurs only inside a Windows network request. */
export type GuestRequestType = "Add" | "Remove" | "Update" | "PreAdd";

/** A request to the VM (null container id). An absent `RequestType` means Add. */
export interface GuestResourceRequest<Type extends GuestResourceType = GuestResourceType> {
  RequestType?: GuestRequestType;
  /** Absent in one case: a Windows network removal, where the nested settings say it all. */
  ResourceType?: Type;
  Settings?: GuestResourceSettings[Type];
}

/** A request to a Windows container: an HCS modify document. */
export interface WindowsContainerModifyRequest {
  ResourcePath: string;
  RequestType?: GuestRequestType;
  Settings?: unknown;
}

export type GuestModifyRequest = GuestResourceRequest | WindowsContainerModifyRequest;

/** Settings by `ResourceType`. */
export interface GuestResourceSettings {
  MappedVirtualDisk: LinuxMappedVirtualDisk | WindowsMappedVirtualDisk;
  MappedVirtualDiskForContainerScratch: WindowsMappedVirtualDisk;
  SCSIDevice: ScsiDevice;
  MappedDirectory: LinuxMappedDirectory | WindowsMappedDirectory;
  VPMemDevice: VPMemDevice;
  CombinedLayers: LinuxCombinedLayers | WindowsCombinedLayers;
  CWCOWCombinedLayers: ConfidentialCombinedLayers;
  WCOWBlockCims: BlockCims;
  Network: LinuxNetworkAdapter | WindowsNetworkRequest;
  NetworkNamespace: HcnNamespace;
  HvSocket: HvSocketAddresses;
  VPCIDevice: VPCIDevice;
  ContainerConstraints: ContainerConstraints;
  SecurityPolicy: SecurityPolicy;
  SecurityPolicyFragment: SecurityPolicyFragment;
  PodCgroupMemoryLimit: undefined;
}

export type GuestResourceType = keyof GuestResourceSettings;

/** A disk on an emulated SCSI controller. Remove sends path, address, read-only, partition and `BlockDev`. */
export interface LinuxMappedVirtualDisk {
  /** Empty: the guest only checks that the disk is there. */
  MountPath?: string;
  /** 0–63. */
  Lun?: number;
  /** 0–3; a higher index crashes the reference guest. */
  Controller?: number;
  Partition?: number | bigint;
  ReadOnly?: boolean;
  Encrypted?: boolean;
  Options?: string[];
  /** A link to the block device instead of a mount. */
  BlockDev?: boolean;
  /** Format with `Filesystem` when the disk holds something else. */
  EnsureFilesystem?: boolean;
  Filesystem?: string;
}

/** Controller 0 only. */
export interface WindowsMappedVirtualDisk {
  ContainerPath?: string;
  Lun?: number;
}

/** Remove: the guest unplugs the device itself; an absent device is success. */
export interface ScsiDevice {
  Controller?: number;
  Lun?: number;
}

/** A Plan9 share: the guest dials `Port` and mounts the share over that socket. */
export interface LinuxMappedDirectory {
  MountPath?: string;
  Port?: number;
  ShareName?: string;
  ReadOnly?: boolean;
}

export interface WindowsMappedDirectory {
  /** Path of a share of the host, as the guest sees it. */
  HostPath?: string;
  ContainerPath?: string;
  ReadOnly?: boolean;
}

export interface VPMemDevice {
  DeviceNumber?: number;
  MountPath?: string;
  /** A part of the device instead of all of it. */
  MappingInfo?: VPMemMapping;
}

export interface VPMemMapping {
  DeviceOffsetInBytes?: number | bigint;
  DeviceSizeInBytes?: number | bigint;
}

/** An overlay mount; Remove needs `ContainerRootPath` alone. */
export interface LinuxCombinedLayers {
  ContainerID?: string;
  ContainerRootPath?: string;
  /** Top layer first. */
  Layers?: LinuxLayer[];
  /** Absent: the overlay is read-only. */
  ScratchPath?: string;
}

export interface LinuxLayer {
  Path: string;
}

export interface WindowsCombinedLayers {
  ContainerRootPath?: string;
  Layers?: WindowsLayer[];
  /** Left out for `WCIFS`: guests older than schema 2.9 do not know the member. */
  FilterType?: string;
}

export interface WindowsLayer {
  Id: string;
  Path: string;
}

export interface ConfidentialCombinedLayers {
  ContainerID?: string;
  CombinedLayers?: WindowsCombinedLayers;
}

export interface BlockCims {
  /** The merged one first. */
  BlockCIMs?: { CimName: string; Lun?: number }[];
  VolumeGUID?: string;
  MountFlags?: number;
  ContainerID?: string;
}

/** A network adapter with the configuration of its endpoint. */
export interface LinuxNetworkAdapter {
  NamespaceID?: string;
  /** The NIC's GUID. */
  ID?: string;
  /** `00-15-5D-…` */
  MacAddress?: string;
  /** Comma-joined search list, the endpoint's domain first. */
  DNSSuffix?: string;
  /** Comma-joined. */
  DNSServerList?: string;
  /** Bytes taken off the interface's MTU. */
  EncapOverhead?: number;
  VPCIAssigned?: boolean;
  IPConfigs?: LinuxIpConfig[];
  Routes?: LinuxRoute[];
  PolicyBasedRouting?: boolean;
}

export interface LinuxIpConfig {
  IPAddress?: string;
  PrefixLength?: number;
}

export interface LinuxRoute {
  NextHop?: string;
  DestinationPrefix?: string;
  Metric?: number;
}

/** `PreAdd` with the endpoint goes before the host adds the adapter, `Add` after it. */
export interface WindowsNetworkRequest {
  AdapterId?: string;
  RequestType?: GuestRequestType;
  Settings?: HcnEndpoint;
}

export interface HvSocketAddresses {
  /** Runtime id of the VM. */
  LocalAddress?: string;
  ParentAddress?: string;
}

export interface VPCIDevice {
  VMBusGUID?: string;
}

/** Update of a container's limits; needs the container's id. */
export interface ContainerConstraints {
  Windows?: unknown;
  /** `linux.resources` of the OCI runtime spec. */
  Linux?: unknown;
}

/** All texts are base64. */
export interface SecurityPolicy {
  EnforcerType?: string;
  EncodedSecurityPolicy?: string;
  EncodedUVMReference?: string;
  EncodedUVMHashEnvelopeReference?: string;
}

export interface SecurityPolicyFragment {
  /** Base64. */
  Fragment?: string;
  MediaType?: string;
}
