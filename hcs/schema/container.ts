/**
 * Windows containers: the `Container` member of schema 2 documents, what a Windows guest is handed for a container in
 * its VM, and the flat configuration of schema 1. JSON names are exact; zero, false and empty members are left out.
 */
import type { SchemaVersion, StorageQoS } from "./compute-system.ts";
import type { Layer } from "./layers.ts";
import type { RegistryChanges } from "./registry.ts";

export interface WindowsContainer {
  GuestOs?: { HostName: string };
  Storage: ContainerStorage;
  MappedDirectories?: MappedDirectory[];
  MappedPipes?: MappedPipe[];
  Memory?: { /** MiB */ SizeInMB: number };
  /** Always there, empty when nothing is limited. */
  Processor: ContainerProcessor;
  Networking?: ContainerNetworking;
  ContainerCredentialGuard?: ContainerCredentialGuardState;
  RegistryChanges: RegistryChanges;
  AssignedDevices?: AssignedDevice[];
  AdditionalDeviceNamespace?: { device_extension: DeviceExtension[] };
  /** `"HostProcess"`: privileged processes of the VM. */
  IsolationType?: string;
  /** The name {@link IsolationType} had when the feature was proposed. */
  ContainerType?: string;
}

export interface ContainerStorage {
  /** The root file system: `\\?\Volume{…}\` on the host, a directory in a VM. */
  Path: string;
  /** Uppermost first. */
  Layers?: Layer[];
  QoS?: StorageQoS;
  /** Where a privileged container in a VM finds its root. */
  PrivilegedContainerRootPath?: string;
  /** The name {@link PrivilegedContainerRootPath} had when the feature was proposed. */
  ContainerRootPath?: string;
}

export interface MappedDirectory {
  HostPath: string;
  ContainerPath: string;
  ReadOnly?: boolean;
}

export interface MappedPipe {
  /** Without `\\.\pipe\`. */
  ContainerPipeName: string;
  HostPath: string;
}

export interface ContainerProcessor {
  Count?: number;
  /** 1–10000, in hundredths of a percent. */
  Maximum?: number;
  /** 0–10000. */
  Weight?: number;
}

export interface ContainerNetworking {
  AllowUnqualifiedDnsQuery?: boolean;
  /** Joined by commas. */
  DnsSearchList?: string;
  NetworkSharedContainerName?: string;
  /** Id of an HCN namespace. */
  Namespace?: string;
}

/** Credentials of a group managed service account, as the credential guard answered them. */
export interface ContainerCredentialGuardState {
  Cookie?: string;
  RpcEndpoint?: string;
  Transport?: string;
  /** JSON text. */
  CredentialSpec?: string;
}

export interface AssignedDevice {
  Type?: "ClassGuid" | "DeviceInstance" | "GpuMirror";
  InterfaceClassGuid?: string;
  LocationPath?: string;
}

/** One device extension file. Names are snake_case. */
export interface DeviceExtension {
  device_category?: {
    name?: string;
    interface_class?: {
      type?: string;
      identifier?: string;
      recurse?: boolean;
    }[];
  };
  namespace?: {
    ob?: {
      shadow?: string;
      symlink?: {
        name?: string;
        path?: string;
        scope?: string;
        pathtoclone?: string;
        access_mask?: number;
      }[];
    };
    device?: { requires_driverstore?: boolean };
  };
}

/** What a Windows guest is handed for a container in its VM. */
export interface HostedContainerDocument {
  SchemaVersion: SchemaVersion;
  Container: WindowsContainer;
}

/** Schema 1: builds before 17763, process isolation only. */
export interface ContainerConfigurationV1 {
  SystemType: "Container";
  Name: string;
  Owner: string;
  IgnoreFlushesDuringBoot?: boolean;
  /** Without a backslash at the end. */
  VolumePath: string;
  Layers: { ID: string; Path: string }[] | null;
  HostName?: string;
  ProcessorCount?: number;
  ProcessorWeight?: number;
  ProcessorMaximum?: number;
  MemoryMaximumInMB?: number;
  StorageIOPSMaximum?: number;
  StorageBandwidthMaximum?: number;
  MappedDirectories?: MappedDirectoryV1[];
  MappedPipes?: MappedPipe[];
  /** The credential spec itself. */
  Credentials?: string;
  EndpointList?: string[];
  AllowUnqualifiedDNSQuery?: boolean;
  DNSSearchList?: string;
  NetworkSharedContainerName?: string;
  HvPartition: false;
}

/** All members are always written. */
export interface MappedDirectoryV1 {
  HostPath: string;
  ContainerPath: string;
  ReadOnly: boolean;
  BandwidthMaximum: number;
  IOPSMaximum: number;
  CreateInUtilityVM: boolean;
}

/** Resource paths of modify requests to a container. */
export const CONTAINER_MEMORY = "Container/Memory/SizeInMB";
export const CONTAINER_PROCESSOR = "Container/Processor";
export const CONTAINER_MAPPED_DIRECTORIES = "Container/MappedDirectories";
