/**
 * The guest protocol, version 4: messages, their type words and their bodies. JSON names are exact. The host
 * (this folder) and the emulated guest both read this file; the bytes around a body are `frame.ts`.
 *
 * Texts marked "JSON text" are JSON documents inside a JSON string. Where a guest may leave a member out
 * because it is zero, the member is optional here.
 */
import type { SchemaVersion } from "../schema/compute-system.ts";
import type { TimeZoneInformation } from "../schema/time-zone.ts";
import type { GuestModifyRequest } from "./resources.ts";

export const PROTOCOL_VERSION = 4;

/** `ContainerId` that means the virtual machine itself. */
export const NULL_CONTAINER_ID = "00000000-0000-0000-0000-000000000000";

/** `ActivityId` of requests that belong to no trace; the host sends no other. */
export const NULL_ACTIVITY_ID = "00000000-0000-0000-0000-000000000000";

/** `TimeoutInMs` of a wait without limit. */
export const WAIT_FOREVER = 0xffff_ffff;

/** `Line` of an error record whose source line is not known. */
export const UNKNOWN_LINE = 0xffff_ffff;

/** Type words of requests. Kind 1, category 1 (compute system) or 2 (compute service), message, version 1. */
export const REQUEST_TYPE: Readonly<Record<MessageName, number>> = {
  Create: 0x1010_0101,
  Start: 0x1010_0201,
  ShutdownGraceful: 0x1010_0301,
  ShutdownForced: 0x1010_0401,
  ExecuteProcess: 0x1010_0501,
  WaitForProcess: 0x1010_0601,
  SignalProcess: 0x1010_0701,
  ResizeConsole: 0x1010_0801,
  GetProperties: 0x1010_0901,
  ModifySettings: 0x1010_0a01,
  NegotiateProtocol: 0x1010_0b01,
  DumpStacks: 0x1010_0c01,
  DeleteContainerState: 0x1010_0d01,
  UpdateContainer: 0x1010_0e01,
  LifecycleNotification: 0x1010_0f01,
  ModifyServiceSettings: 0x1020_0101,
};

/** Type word of the only notification: a container changed its state. Its frame has id 0. */
export const CONTAINER_NOTIFICATION = 0x3010_0101;

const KIND_SHIFT = 28;
const KINDS = ["none", "request", "response", "notification"] as const;

export type FrameKind = (typeof KINDS)[number] | "unknown";

export function frameKind(type: number): FrameKind {
  return KINDS[type >>> KIND_SHIFT] ?? "unknown";
}

/**
 * Type word of the response to `requestType`. Guests use it, hosts must not rely on it: the sidecar of
 * confidential VMs answers failures with a bare `0x20000000`. Responses are matched by id.
 */
export function responseType(requestType: number): number {
  return ((requestType & 0x0fff_ffff) | 0x2000_0000) >>> 0;
}

const NAMES: ReadonlyMap<number, MessageName> = new Map(
  (Object.keys(REQUEST_TYPE) as MessageName[]).map((name) => [REQUEST_TYPE[name] & 0x0fff_ffff, name]),
);

/** The message of a request or response, `undefined` for type words nobody has defined. */
export function messageName(type: number): MessageName | undefined {
  return NAMES.get(type & 0x0fff_ffff);
}

/** `request Create (0x10100101)`: a type word for people. */
export function describeType(type: number): string {
  const hex = `0x${(type >>> 0).toString(16).padStart(8, "0")}`;
  const name = type === CONTAINER_NOTIFICATION ? "Container" : messageName(type);
  return name === undefined ? `${frameKind(type)} ${hex}` : `${frameKind(type)} ${name} (${hex})`;
}

/** Request and response body of every message. */
export interface GuestMessages {
  Create: { request: CreateRequest; response: CreateResponse };
  Start: { request: GuestRequest; response: GuestResponse };
  ShutdownGraceful: { request: GuestRequest; response: GuestResponse };
  ShutdownForced: { request: GuestRequest; response: GuestResponse };
  ExecuteProcess: { request: ExecuteProcessRequest; response: ExecuteProcessResponse };
  WaitForProcess: { request: WaitForProcessRequest; response: WaitForProcessResponse };
  SignalProcess: { request: SignalProcessRequest; response: GuestResponse };
  ResizeConsole: { request: ResizeConsoleRequest; response: GuestResponse };
  GetProperties: { request: GetPropertiesRequest; response: GetPropertiesResponse };
  ModifySettings: { request: ModifySettingsRequest; response: GuestResponse };
  NegotiateProtocol: { request: NegotiateProtocolRequest; response: NegotiateProtocolResponse };
  DumpStacks: { request: GuestRequest; response: DumpStacksResponse };
  DeleteContainerState: { request: GuestRequest; response: GuestResponse };
  /** Known by number only; no shim sends it. */
  UpdateContainer: { request: GuestRequest; response: GuestResponse };
  /** Known by number only; no shim sends it. */
  LifecycleNotification: { request: GuestRequest; response: GuestResponse };
  ModifyServiceSettings: { request: ModifyServiceSettingsRequest; response: GuestResponse };
}

export type MessageName = keyof GuestMessages;
export type RequestBody<Name extends MessageName> = GuestMessages[Name]["request"];
export type ResponseBody<Name extends MessageName> = GuestMessages[Name]["response"];

/** Members every request has. Negotiation goes out with an empty `ContainerId`. */
export interface GuestRequest {
  ContainerId: string;
  ActivityId?: string;
}

/** Members every response has. */
export interface GuestResponse {
  /** HRESULT as a signed 32-bit number; 0 (or absent) is success. */
  Result?: number;
  /** Echo of the request's. */
  ActivityId?: string;
  ErrorMessage?: string;
  ErrorRecords?: ErrorRecord[];
}

/** Where a failure came from, innermost first. */
export interface ErrorRecord {
  /** HRESULT as a signed 32-bit number. */
  Result?: number;
  Message?: string;
  StackTrace?: string;
  /** `gcs` or `gcs-sidecar`. */
  ModuleName?: string;
  FileName?: string;
  /** {@link UNKNOWN_LINE} when it is not known. */
  Line?: number;
  FunctionName?: string;
}

export interface NegotiateProtocolRequest extends GuestRequest {
  MinimumVersion: number;
  MaximumVersion: number;
}

export interface NegotiateProtocolResponse extends GuestResponse {
  Version?: number;
  Capabilities?: GuestCapabilities;
}

/** What a guest says about itself. A missing flag is false. */
export interface GuestCapabilities {
  /** The host must send Create for the null container after the first negotiation of a boot. */
  SendHostCreateMessage?: boolean;
  /** … and then Start. */
  SendHostStartMessage?: boolean;
  HvSocketConfigOnStartup?: boolean;
  SendLifecycleNotifications?: boolean;
  ModifyServiceSettingsSupported?: boolean;
  SupportedSchemaVersions?: SchemaVersion[];
  /** `Linux` or `Windows`, in any case; empty means Windows. */
  RuntimeOsType?: string;
  GuestDefinedCapabilities?: GuestDefinedCapabilities;
}

export interface GuestDefinedCapabilities {
  NamespaceAddRequestSupported?: boolean;
  SignalProcessSupported?: boolean;
  DumpStacksSupported?: boolean;
  DeleteContainerStateSupported?: boolean;
  UpdateContainerSupported?: boolean;
  LogForwardingSupported?: boolean;
  HostProcessContainerSupported?: boolean;
}

export interface CreateRequest extends GuestRequest {
  /** JSON text: {@link LinuxContainerConfig}, {@link WindowsContainerConfig}, {@link ConfidentialContainerConfig} or {@link VirtualMachineConfig}. */
  ContainerConfig: string;
}

export interface CreateResponse extends GuestResponse {
  /** Linux guests send 0; it means nothing. */
  SelectedProtocolVersion?: number;
}

/** `ContainerConfig` for a Linux guest. Schema versions below 2.1 are refused. */
export interface LinuxContainerConfig {
  SchemaVersion: SchemaVersion;
  /** Bundle directory in the guest. */
  OciBundlePath: string;
  /** OCI runtime spec, with paths of the guest. */
  OciSpecification: unknown;
  ScratchDirPath?: string;
}

/** `ContainerConfig` for a Windows guest. */
export interface WindowsContainerConfig {
  SchemaVersion: SchemaVersion;
  /** HCS container document. */
  Container: unknown;
}

/** `ContainerConfig` for a confidential Windows guest, whose sidecar checks the spec against its policy. */
export interface ConfidentialContainerConfig {
  /** OCI runtime spec. */
  Spec: unknown;
  CWCOWHostedSystem: WindowsContainerConfig;
}

/** `ContainerConfig` of the null container: the cold start of a guest that asks for it. */
export interface VirtualMachineConfig {
  SystemType: "Container";
  TimeZoneInformation: TimeZoneInformation;
}

export interface ExecuteProcessRequest extends GuestRequest {
  Settings: ExecuteProcessSettings;
}

export interface ExecuteProcessSettings {
  /** JSON text: `ProcessParameters` of `schema/process.ts`. */
  ProcessParameters: string;
  /** Linux: vsock ports to dial, only for the streams the parameters ask for. */
  VsockStdioRelaySettings?: StdioAddresses<number>;
  /** Windows: service GUIDs to dial. */
  StdioRelaySettings?: StdioAddresses<string>;
}

export interface StdioAddresses<Address> {
  StdIn?: Address;
  StdOut?: Address;
  StdErr?: Address;
}

export interface ExecuteProcessResponse extends GuestResponse {
  /** Linux containers: the pid in the pid namespace of the virtual machine. */
  ProcessId?: number;
}

export interface WaitForProcessRequest extends GuestRequest {
  ProcessId: number;
  /** {@link WAIT_FOREVER} for no limit; otherwise the answer may be `0xC0370109`. */
  TimeoutInMs: number;
}

export interface WaitForProcessResponse extends GuestResponse {
  /** Unsigned 32 bits; Linux: exit status, or 128 plus the signal. */
  ExitCode?: number;
}

export interface SignalProcessRequest extends GuestRequest {
  ProcessId: number;
  /** Absent: kill. */
  Options?: SignalOptions;
}

export interface SignalOptions {
  /** Linux: a number from 1 to 31. Windows: the name of a console event. */
  Signal: number | string;
}

export interface ResizeConsoleRequest extends GuestRequest {
  ProcessId: number;
  /** Rows, 16 bits. */
  Height: number;
  /** Columns, 16 bits. */
  Width: number;
}

export interface GetPropertiesRequest extends GuestRequest {
  /** JSON text: `PropertyQuery` of `schema/properties.ts`. */
  Query: string;
}

export interface GetPropertiesResponse extends GuestResponse {
  /** JSON text: `GuestProperties` of `properties.ts`. */
  Properties?: string;
}

export interface ModifySettingsRequest extends GuestRequest {
  Request: GuestModifyRequest;
}

export interface DumpStacksResponse extends GuestResponse {
  GuestStacks?: string;
}

export interface ModifyServiceSettingsRequest extends GuestRequest {
  PropertyType: "LogForwardService";
  Settings: LogForwardServiceSettings;
}

export interface LogForwardServiceSettings {
  RPCType: "ModifyServiceSettings" | "StartLogForwarding" | "StopLogForwarding";
  /** Base64 of the log source JSON; absent for start and stop. */
  Settings?: string;
}

/** Body of a {@link CONTAINER_NOTIFICATION}. Linux guests send it after a wait for the init process was answered. */
export interface ContainerNotification {
  ContainerId: string;
  /** That of the Create request. */
  ActivityId?: string;
  Type: NotificationType;
  Operation: NotificationOperation;
  Result?: number;
  /** JSON text. */
  ResultInfo?: string;
}

export type NotificationType =
  | "None"
  | "GracefulExit"
  | "ForcedExit"
  /** Linux: every ordinary exit, whatever its code. */
  | "UnexpectedExit"
  | "Reboot"
  | "Constructed"
  | "Started"
  | "Paused"
  | "Unknown";

export type NotificationOperation =
  "None" | "Construct" | "Start" | "Pause" | "Resume" | "Shutdown" | "Terminate";
