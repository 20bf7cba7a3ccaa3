/**
 * Documents of Windows containers: on the host (process isolation) and in a VM (hypervisor isolation), from the same
 * builder, and the flat configuration of builds before 17763. Pure: the same inputs give the same document.
 */
import type { ComputeSystemDocument, SchemaVersion } from "../../hcs/schema/compute-system.ts";
import type {
  AssignedDevice,
  ContainerConfigurationV1,
  ContainerCredentialGuardState,
  ContainerNetworking,
  ContainerStorage,
  DeviceExtension,
  HostedContainerDocument,
  MappedDirectory,
  MappedPipe,
  WindowsContainer,
} from "../../hcs/schema/container.ts";
import type { Layer } from "../../hcs/schema/layers.ts";
import type { RegistryValue } from "../../hcs/schema/registry.ts";
import type { AnnotationReader } from "../annotations/read.ts";
import { testRegistryValues } from "../annotations/windows-container.ts";
import { SpecError } from "../errors.ts";
import type { Spec } from "../spec.ts";
import { dumpRegistryValues } from "../windows/dumps.ts";
import type { Placement } from "../windows/placement.ts";
import { registryValues } from "../windows/registry.ts";
import { containerLimits, processorSettings, storageQoS } from "../windows/resources.ts";
import type { Windows } from "../windows/spec.ts";
import { volumeId, withBackslash, withoutBackslash } from "../windows/volume.ts";

/** What was prepared for a container before its document is made. */
export interface WindowsContainerInputs {
  readonly id: string;
  readonly spec: Spec;
  readonly placement: Placement;
  /** The root file system: a volume of the host, or a directory in the VM. */
  readonly rootPath: string;
  /** As the container sees them, uppermost first. */
  readonly layers: readonly Layer[];
  /** As the container's side of the boundary reaches them, in the order of the document. */
  readonly directories: readonly MappedDirectory[];
  readonly pipes: readonly MappedPipe[];
  readonly devices: readonly AssignedDevice[];
  /** Undefined where none were asked for. */
  readonly deviceExtensions?: readonly DeviceExtension[] | undefined;
  readonly credentialGuard?: ContainerCredentialGuardState | undefined;
  /** Privileged processes of the VM. */
  readonly hostProcess?: HostProcessPlace | undefined;
}

export interface HostProcessPlace {
  /** Where the container finds its root; the guest's own choice without it. */
  readonly rootPath?: string;
  /** Names of the members: as they were merged, or as they had been proposed. */
  readonly dialect: HostProcessDialect;
}

export type HostProcessDialect = "isolation-type" | "container-type";

const SCHEMA: SchemaVersion = { Major: 2, Minor: 1 };

/** The first build that takes schema 2 for containers. */
export const SCHEMA_2_BUILD = 17763;

/** The compute system of a container on the host. @throws {SpecError} */
export function processIsolatedDocument(
  reader: AnnotationReader,
  inputs: WindowsContainerInputs,
  owner: string,
): ComputeSystemDocument {
  volumeId(inputs.rootPath, "/root/path");
  const rootPath = withBackslash(inputs.rootPath);
  return {
    Owner: owner,
    SchemaVersion: SCHEMA,
    ShouldTerminateOnLastHandleClosed: true,
    Container: windowsContainer(reader, { ...inputs, rootPath }),
  };
}

/** What the guest is handed for a container in its VM. @throws {SpecError} */
export function hostedDocument(
  reader: AnnotationReader,
  inputs: WindowsContainerInputs,
): HostedContainerDocument {
  return { SchemaVersion: SCHEMA, Container: windowsContainer(reader, inputs) };
}

function windowsContainer(reader: AnnotationReader, inputs: WindowsContainerInputs): WindowsContainer {
  const { id, spec, placement, directories, pipes, devices, deviceExtensions, credentialGuard } = inputs;
  const windows = windowsOf(spec);
  checkRoot(spec);
  const limits = containerLimits(reader, windows.resources, placement);
  const networking = networkingOf(windows);
  const inheritedDumps = placement.kind === "vm" ? placement.processDumpLocation : undefined;
  return {
    ...(spec.hostname ? { GuestOs: { HostName: spec.hostname } } : {}),
    Storage: storageOf(inputs, storageQoS(limits)),
    ...(directories.length === 0 ? {} : { MappedDirectories: directories.map(mappedDirectory) }),
    ...(pipes.length === 0 ? {} : { MappedPipes: [...pipes] }),
    ...(limits.memoryMb === 0 ? {} : { Memory: { SizeInMB: limits.memoryMb } }),
    Processor: processorSettings(limits),
    ...(networking === undefined ? {} : { Networking: networking }),
    ...(credentialGuard === undefined ? {} : { ContainerCredentialGuard: credentialGuard }),
    RegistryChanges: {
      AddValues: [
        SHUTDOWN_TIMEOUT,
        ...dumpRegistryValues(reader, id, inheritedDumps),
        ...registryValues(reader, testRegistryValues),
      ],
    },
    ...(devices.length === 0 ? {} : { AssignedDevices: [...devices] }),
    ...(deviceExtensions === undefined
      ? {}
      : { AdditionalDeviceNamespace: { device_extension: [...deviceExtensions] } }),
    ...(inputs.hostProcess === undefined
      ? {}
      : { [HOST_PROCESS_NAMES[inputs.hostProcess.dialect].isolation]: "HostProcess" }),
  };
}

/** Windows ends services after a few seconds of shutting down; how long a container has is for its client to say. */
const SHUTDOWN_TIMEOUT: RegistryValue = {
  Key: { Hive: "System", Name: "ControlSet001\\Control" },
  Name: "WaitToKillServiceTimeout",
  Type: "String",
  StringValue: "2147483647",
};

const HOST_PROCESS_NAMES: Readonly<
  Record<
    HostProcessDialect,
    {
      readonly isolation: keyof WindowsContainer;
      readonly rootPath: keyof ContainerStorage;
    }
  >
> = {
  "isolation-type": { isolation: "IsolationType", rootPath: "PrivilegedContainerRootPath" },
  "container-type": { isolation: "ContainerType", rootPath: "ContainerRootPath" },
};

function storageOf(inputs: WindowsContainerInputs, qos: ContainerStorage["QoS"]): ContainerStorage {
  const { rootPath, layers, hostProcess } = inputs;
  return {
    Path: rootPath,
    ...(layers.length === 0 ? {} : { Layers: [...layers] }),
    ...(qos === undefined ? {} : { QoS: qos }),
    ...(hostProcess?.rootPath === undefined
      ? {}
      : { [HOST_PROCESS_NAMES[hostProcess.dialect].rootPath]: hostProcess.rootPath }),
  };
}

function mappedDirectory({ HostPath, ContainerPath, ReadOnly }: MappedDirectory): MappedDirectory {
  return { HostPath, ContainerPath, ...(ReadOnly === true ? { ReadOnly } : {}) };
}

function networkingOf({ network, networkNamespace }: Windows): ContainerNetworking | undefined {
  if (network === undefined) return undefined;
  const { allowUnqualifiedDnsQuery, dnsSearchList, sharedContainerName } = network;
  return {
    ...(allowUnqualifiedDnsQuery ? { AllowUnqualifiedDnsQuery: true } : {}),
    ...(dnsSearchList.length === 0 ? {} : { DnsSearchList: dnsSearchList.join(",") }),
    ...(sharedContainerName === "" ? {} : { NetworkSharedContainerName: sharedContainerName }),
    ...(networkNamespace === undefined ? {} : { Namespace: networkNamespace }),
  };
}

/** The first build whose containers can have pipes of the host. */
const MAPPED_PIPES_BUILD = 16299;

/**
 * The configuration of schema 1, which knows neither registry changes nor devices. Directories are mapped as the spec
 * names them. @param credentials the credential spec itself @throws {SpecError}
 */
export function containerConfigurationV1(
  reader: AnnotationReader,
  inputs: Omit<WindowsContainerInputs, "devices" | "deviceExtensions" | "credentialGuard" | "hostProcess">,
  owner: string,
  credentials: string | undefined,
): ContainerConfigurationV1 {
  const { id, spec, placement, rootPath, layers, directories, pipes } = inputs;
  const windows = windowsOf(spec);
  checkRoot(spec);
  volumeId(rootPath, "/root/path");
  const limits = containerLimits(reader, windows.resources, placement);
  if (pipes.length > 0 && placement.build < MAPPED_PIPES_BUILD) {
    throw new SpecError({
      at: "/mounts",
      rule: `named pipes need build ${MAPPED_PIPES_BUILD}, this host has ${placement.build}`,
      value: pipes,
    });
  }
  const { network } = windows;
  return {
    SystemType: "Container",
    Name: id,
    Owner: owner,
    ...(windows.ignoreFlushesDuringBoot ? { IgnoreFlushesDuringBoot: true } : {}),
    VolumePath: withoutBackslash(rootPath),
    Layers: layers.length === 0 ? null : layers.map(({ Id, Path }) => ({ ID: Id, Path })),
    ...(spec.hostname ? { HostName: spec.hostname } : {}),
    ...(limits.processorCount === 0 ? {} : { ProcessorCount: limits.processorCount }),
    ...(limits.processorWeight === 0 ? {} : { ProcessorWeight: limits.processorWeight }),
    ...(limits.processorMaximum === 0 ? {} : { ProcessorMaximum: limits.processorMaximum }),
    ...(limits.memoryMb === 0 ? {} : { MemoryMaximumInMB: limits.memoryMb }),
    ...(limits.storageIops === 0 ? {} : { StorageIOPSMaximum: limits.storageIops }),
    ...(limits.storageBandwidth === 0 ? {} : { StorageBandwidthMaximum: limits.storageBandwidth }),
    ...(directories.length === 0 ? {} : { MappedDirectories: directories.map(mappedDirectoryV1) }),
    ...(pipes.length === 0 ? {} : { MappedPipes: [...pipes] }),
    ...(credentials ? { Credentials: credentials } : {}),
    ...(network === undefined || network.endpointList.length === 0
      ? {}
      : { EndpointList: [...network.endpointList] }),
    ...(network?.allowUnqualifiedDnsQuery ? { AllowUnqualifiedDNSQuery: true } : {}),
    ...(network === undefined || network.dnsSearchList.length === 0
      ? {}
      : { DNSSearchList: network.dnsSearchList.join(",") }),
    ...(network === undefined || network.sharedContainerName === ""
      ? {}
      : { NetworkSharedContainerName: network.sharedContainerName }),
    HvPartition: false,
  };
}

function mappedDirectoryV1({ HostPath, ContainerPath, ReadOnly }: MappedDirectory) {
  return {
    HostPath,
    ContainerPath,
    ReadOnly: ReadOnly === true,
    BandwidthMaximum: 0,
    IOPSMaximum: 0,
    CreateInUtilityVM: false,
  };
}

function windowsOf({ windows }: Spec): Windows {
  if (windows !== undefined) return windows;
  throw new SpecError({ at: "/windows", rule: "must be present in the spec of a Windows container" });
}

function checkRoot({ root }: Spec): void {
  if (root?.readonly === true)
    throw new SpecError({ at: "/root/readonly", rule: "must not be set for Windows", value: true });
}
