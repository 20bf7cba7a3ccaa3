/**
 * Reading what the host sends. As in the agent this one stands for: absent members read as zero, unknown members
 * are ignored, and a member of the wrong type makes the whole message invalid.
 */
import { parseJson } from "../../json.ts";
import { flag, integer, list, members, ShapeError, text, uint32, type Read } from "../../guest/shape.ts";
import { GuestError, RESULT } from "./errors.ts";
import type { OciProcess, OciResources, OciSpec } from "./oci.ts";

/** Members of every request, zero values filled in. */
export interface RequestBase {
  readonly containerId: string;
  /** Echoed in the response; absent when the request had none. */
  readonly activityId: string | undefined;
}

/** An object that is passed on whole, its members unchecked. */
function opaque<T extends object>(): Read<T> {
  return (value, path) => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as T;
    throw new ShapeError(`${path} is no object`);
  };
}

const anything: Read<unknown> = (value) => value;
const uint8 = integer(0, 0xff);
const bytes = integer(0, Number.MAX_SAFE_INTEGER);
const uint16 = integer(0, 0xffff);

/** Bodies of requests that have more than the common members. Absent members mean zero. */
export interface RequestBodies {
  readonly create: { readonly ContainerConfig?: string };
  readonly executeProcess: {
    readonly Settings?: {
      readonly ProcessParameters?: string;
      readonly VsockStdioRelaySettings?: StdioPorts;
    };
  };
  readonly waitForProcess: { readonly ProcessId?: number; readonly TimeoutInMs?: number };
  readonly signalProcess: { readonly ProcessId?: number; readonly Options?: { readonly Signal?: number } };
  readonly resizeConsole: { readonly ProcessId?: number; readonly Height?: number; readonly Width?: number };
  readonly getProperties: { readonly Query?: string };
  readonly modifySettings: {
    readonly Request?: {
      readonly RequestType?: string;
      readonly ResourceType?: string;
      readonly Settings?: unknown;
    };
  };
  readonly negotiateProtocol: { readonly MinimumVersion?: number; readonly MaximumVersion?: number };
}

export interface StdioPorts {
  readonly StdIn?: number;
  readonly StdOut?: number;
  readonly StdErr?: number;
}

type Readers<T> = { readonly [Name in keyof T]: Read<T[Name]> };

export const REQUEST: Readers<RequestBodies> = {
  create: members({ ContainerConfig: text }),
  executeProcess: members({
    Settings: members({
      ProcessParameters: text,
      VsockStdioRelaySettings: members({ StdIn: uint32, StdOut: uint32, StdErr: uint32 }),
    }),
  }),
  waitForProcess: members({ ProcessId: uint32, TimeoutInMs: uint32 }),
  signalProcess: members({ ProcessId: uint32, Options: members({ Signal: integer(0, 0x7fff_ffff) }) }),
  resizeConsole: members({ ProcessId: uint32, Height: uint16, Width: uint16 }),
  getProperties: members({ Query: text }),
  modifySettings: members({
    Request: members({ RequestType: text, ResourceType: text, Settings: anything }),
  }),
  negotiateProtocol: members({ MinimumVersion: uint32, MaximumVersion: uint32 }),
};

/** JSON texts inside requests. */
export interface Documents {
  readonly containerConfig: {
    readonly SchemaVersion?: { readonly Major?: number; readonly Minor?: number };
    readonly OciBundlePath?: string;
    readonly OciSpecification?: OciSpec;
    readonly ScratchDirPath?: string;
  };
  readonly processParameters: ProcessParameters;
  readonly propertyQuery: { readonly PropertyTypes?: readonly string[] };
}

export interface ProcessParameters {
  readonly CommandLine?: string;
  readonly CommandArgs?: readonly string[];
  readonly WorkingDirectory?: string;
  readonly Environment?: Readonly<Record<string, unknown>>;
  readonly EmulateConsole?: boolean;
  readonly CreateStdInPipe?: boolean;
  readonly CreateStdOutPipe?: boolean;
  readonly CreateStdErrPipe?: boolean;
  readonly OciProcess?: OciProcess;
}

export const DOCUMENT: Readers<Documents> = {
  containerConfig: members({
    SchemaVersion: members({ Major: uint32, Minor: uint32 }),
    OciBundlePath: text,
    OciSpecification: opaque<OciSpec>(),
    ScratchDirPath: text,
  }),
  processParameters: members({
    CommandLine: text,
    CommandArgs: list(text),
    WorkingDirectory: text,
    Environment: opaque<Record<string, unknown>>(),
    EmulateConsole: flag,
    CreateStdInPipe: flag,
    CreateStdOutPipe: flag,
    CreateStdErrPipe: flag,
    OciProcess: opaque<OciProcess>(),
  }),
  propertyQuery: members({ PropertyTypes: list(text) }),
};

/** Settings of guest resources. */
export interface ResourceSettings {
  readonly mappedDirectory: MappedDirectorySettings;
  readonly combinedLayers: CombinedLayersSettings;
  readonly mappedDisk: MappedDiskSettings;
  readonly memoryDevice: MemoryDeviceSettings;
  readonly network: NetworkSettings;
  readonly constraints: { readonly Linux?: OciResources };
  readonly securityPolicy: { readonly EnforcerType?: string; readonly EncodedSecurityPolicy?: string };
}

export interface MappedDirectorySettings {
  readonly MountPath?: string;
  readonly ShareName?: string;
  readonly ReadOnly?: boolean;
}

export interface CombinedLayersSettings {
  readonly ContainerRootPath?: string;
  readonly Layers?: readonly { readonly Path?: string }[];
  readonly ScratchPath?: string;
}

export interface NetworkSettings {
  readonly NamespaceID?: string;
  readonly ID?: string;
  readonly DNSSuffix?: string;
  readonly DNSServerList?: string;
}

/** Of `MappedVirtualDisk`; `SCSIDevice` has the address alone. */
export interface MappedDiskSettings {
  readonly MountPath?: string;
  readonly Controller?: number;
  readonly Lun?: number;
  readonly Partition?: number;
  readonly ReadOnly?: boolean;
  readonly Encrypted?: boolean;
  readonly Options?: readonly string[];
  readonly BlockDev?: boolean;
  readonly EnsureFilesystem?: boolean;
  readonly Filesystem?: string;
}

export interface MemoryDeviceSettings {
  readonly DeviceNumber?: number;
  readonly MountPath?: string;
  readonly MappingInfo?: { readonly DeviceOffsetInBytes?: number; readonly DeviceSizeInBytes?: number };
}

export const SETTINGS: Readers<ResourceSettings> = {
  mappedDirectory: members({ MountPath: text, ShareName: text, ReadOnly: flag }),
  combinedLayers: members({
    ContainerRootPath: text,
    Layers: list(members({ Path: text })),
    ScratchPath: text,
  }),
  mappedDisk: members({
    MountPath: text,
    Controller: uint8,
    Lun: uint8,
    Partition: bytes,
    ReadOnly: flag,
    Encrypted: flag,
    Options: list(text),
    BlockDev: flag,
    EnsureFilesystem: flag,
    Filesystem: text,
  }),
  memoryDevice: members({
    DeviceNumber: uint32,
    MountPath: text,
    MappingInfo: members({ DeviceOffsetInBytes: bytes, DeviceSizeInBytes: bytes }),
  }),
  network: members({ NamespaceID: text, ID: text, DNSSuffix: text, DNSServerList: text }),
  constraints: members({ Linux: opaque<OciResources>() }),
  securityPolicy: members({ EnforcerType: text, EncodedSecurityPolicy: text }),
};

const base = members({ ContainerId: text, ActivityId: text });

/** Parses a JSON text of the host. `what` names it in the error. */
export function parseText(jsonText: string, what: string): unknown {
  try {
    return parseJson(jsonText);
  } catch (error) {
    throw new GuestError(RESULT.invalidJson, `cannot read ${what}`, { cause: error });
  }
}

/** Applies a reader to a parsed value. `what` names the value in the error. */
export function readShape<T>(read: Read<T>, value: unknown, what: string): T {
  try {
    return read(value, "");
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new GuestError(RESULT.invalidJson, `cannot read ${what}`, { cause: error });
  }
}

/** Parses and reads a JSON text inside a request; a missing text is not valid JSON either. */
export function readText<T>(read: Read<T>, jsonText: string | undefined, what: string): T {
  return readShape(read, parseText(jsonText ?? "", what), what);
}

export function readBase(body: unknown): RequestBase {
  const { ContainerId, ActivityId } = readShape(base, body, "request");
  return { containerId: ContainerId ?? "", activityId: ActivityId };
}
