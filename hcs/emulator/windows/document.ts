/**
 * The `Container` member of compute system documents: what the emulator takes of a Windows container, on the host and in
 * a VM. What Windows knows and the emulator does not provide is refused as not supported, never ignored.
 */
import {
  boolean,
  choice,
  integer,
  list,
  nonEmptyString,
  object,
  required,
  string,
  unsupported,
  type Shape,
} from "../shape.ts";

const LAYER = object({ Id: required(nonEmptyString), Path: required(nonEmptyString) });

const NO_DEVICES = "the emulator's containers have no devices of the host";
const NO_QOS = "the emulator does not limit storage";

export const MAPPED_DIRECTORY: Shape = object({
  HostPath: required(nonEmptyString),
  ContainerPath: required(nonEmptyString),
  ReadOnly: boolean,
});

const MAPPED_PIPE = object({
  ContainerPipeName: required(nonEmptyString),
  HostPath: required(nonEmptyString),
});

const REGISTRY_VALUE = object({
  Key: required(
    object({
      Hive: required(choice("System", "Software", "Security", "Sam")),
      Name: required(string),
      Volatile: boolean,
    }),
  ),
  Name: required(string),
  Type: required(
    choice("None", "String", "ExpandedString", "MultiString", "Binary", "DWord", "QWord", "CustomType"),
  ),
  StringValue: string,
  BinaryValue: string,
  DWordValue: integer({ max: 0xffff_ffff }),
  QWordValue: integer(),
  CustomType: integer({ max: 0xffff_ffff }),
});

export const REGISTRY_CHANGES: Shape = object({
  AddValues: list(REGISTRY_VALUE),
  DeleteKeys: unsupported("values are added only"),
});

export const CONTAINER_MEMORY_SIZE: Shape = integer({ min: 1, max: 0xffff_ffff });
export const CONTAINER_PROCESSORS: Shape = object({
  Count: integer({ min: 1, max: 2048 }),
  Maximum: integer({ min: 1, max: 10_000 }),
  Weight: integer({ max: 10_000 }),
});

export const WINDOWS_CONTAINER: Shape = object({
  GuestOs: object({ HostName: required(string) }),
  Storage: required(
    object({
      Path: required(nonEmptyString),
      Layers: list(LAYER),
      QoS: unsupported(NO_QOS),
      PrivilegedContainerRootPath: nonEmptyString,
      ContainerRootPath: nonEmptyString,
    }),
  ),
  MappedDirectories: list(MAPPED_DIRECTORY),
  MappedPipes: list(MAPPED_PIPE),
  Memory: object({ SizeInMB: required(CONTAINER_MEMORY_SIZE) }),
  Processor: CONTAINER_PROCESSORS,
  Networking: object({
    AllowUnqualifiedDnsQuery: boolean,
    DnsSearchList: string,
    NetworkSharedContainerName: unsupported("containers of the emulator share a network by its namespace"),
    Namespace: nonEmptyString,
  }),
  ContainerCredentialGuard: unsupported("the emulator has no domain to have credentials of"),
  RegistryChanges: REGISTRY_CHANGES,
  AssignedDevices: unsupported(NO_DEVICES),
  AdditionalDeviceNamespace: unsupported(NO_DEVICES),
  IsolationType: choice("HostProcess"),
  ContainerType: choice("HostProcess"),
});
