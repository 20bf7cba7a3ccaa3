/**
 * The port: everything the shim asks of a platform, in the words of the Host Compute Service.
 *
 * Backends implement it: `emulator` (real processes on Linux), `win32` (the DLLs), `trace` (record and
 * replay). `test/contract` holds the tests every backend must pass. Nothing above this file knows which
 * backend it talks to; what differs by platform is data in {@link BackendTraits}.
 *
 * Calls reject with `HcsError` (hcs/errors.ts). Every call takes an `AbortSignal`: when it fires, the call
 * rejects with the signal's reason, and a completion that arrives later is released by the backend.
 */
import type { Duplex } from "node:stream";
import type { HcnEndpoint, HcnNamespace } from "./schema/hcn.ts";
import type { HostFiles } from "./port/files.ts";
import type { HostJobs } from "./port/jobs.ts";
import type { WindowsLayers } from "./port/layers.ts";
import type { ComputeSystemDocument } from "./schema/compute-system.ts";
import type { ContainerConfigurationV1 } from "./schema/container.ts";
import type { ModifySettingRequest } from "./schema/modify.ts";
import type { ProcessParameters } from "./schema/process.ts";
import type { PropertyQuery, ServiceProperties, SystemProperties } from "./schema/properties.ts";
import type { ModifyServiceRequest } from "./schema/service.ts";
import type { TimeZoneInformation } from "./schema/time-zone.ts";

export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** What differs between platforms, as facts the upper layers read instead of asking which platform it is. */
export interface BackendTraits {
  /** Any message of `Stats`: Linux containerd reads cgroup metrics, Windows containerd runhcs statistics. */
  readonly statistics: "cgroups" | "runhcs";
  /** Rules of the paths of the host: bundles, layers, mount sources. */
  readonly paths: "posix" | "win32";
  /** Upstream stdio of tasks: FIFOs that the client made, or named pipes that the client serves. */
  readonly stdio: "fifo" | "named-pipe";
  /** Linux CRI passes a stderr path even for terminals; on Windows it is refused. */
  readonly terminalStderr: "ignored" | "refused";
  /** Compute systems and containers can be paused. */
  readonly pause: boolean;
  /** How containers in a VM listen on Hyper-V sockets where these are unix sockets: in a directory they are given. */
  readonly guestSockets?: "unix";
  /**
   * What the name of a pipe of our own begins with: clients connect to such a name with `node:net`. Where pipes are
   * unix sockets, a directory, with its slash, which the backend makes and removes.
   */
  readonly pipePrefix: string;
  /** Status of a process that was ended because its compute system was terminated. */
  readonly terminatedExitCode: number;
}

/** Facts about the host that documents depend on. Asked once per process. */
export interface HostInfo {
  /** Windows build number, e.g. 20348. The emulator answers the build whose behaviour it has. */
  readonly build: number;
  /** Of its last update (`UBR`), where it is known: some features came to a build late. */
  readonly revision?: number;
  readonly logicalProcessors: number;
  /** Where the kernel and root file system of Linux utility VMs are, unless an annotation says otherwise. */
  readonly linuxBootFiles: LinuxBootFiles;
  /** The host's time zone, where documents carry it. */
  readonly timeZone?: TimeZoneInformation;
  /** What a Linux sandbox runs that brings no image; absent where such sandboxes cannot be. */
  readonly pauseProgram?: PauseProgram;
}

/** A program that does nothing for ever, for a sandbox to have a process. */
export interface PauseProgram {
  readonly args: readonly string[];
  /** Directories of the host that it needs, to be mounted read-only under the same paths. */
  readonly directories: readonly string[];
}

export interface LinuxBootFiles {
  readonly directory: string;
  /** Names of the boot files present in `directory` (`kernel`, `vmlinux`, `initrd.img`, `rootfs.vhd`). */
  readonly files: readonly string[];
}

export interface HcsBackend {
  readonly name: string;
  readonly traits: BackendTraits;
  host(options?: CallOptions): Promise<HostInfo>;
  readonly computeSystems: ComputeSystems;
  readonly storage: Storage;
  readonly network: Network;
  readonly hvSocket: HvSocket;
  readonly files: HostFiles;
  /** Absent where the host cannot have Windows containers. */
  readonly layers?: WindowsLayers;
  /** Absent where the host cannot have HostProcess containers. */
  readonly jobs?: HostJobs;
  /** HcsGetServiceProperties. */
  serviceProperties(query: PropertyQuery, options?: CallOptions): Promise<ServiceProperties>;
  /** HcsModifyServiceSettings. */
  modifyService(request: ModifyServiceRequest, options?: CallOptions): Promise<void>;
  /** Releases what the backend itself holds. Compute systems whose handles are open end with their handles. */
  close(): Promise<void>;
}

export interface ComputeSystems {
  /** HcsCreateComputeSystem: the system exists afterwards, but has not been started. */
  create(
    id: string,
    document: ComputeSystemDocument | ContainerConfigurationV1,
    options?: CallOptions,
  ): Promise<ComputeSystem>;
  /** HcsOpenComputeSystem: a second handle to an existing system. */
  open(id: string, options?: CallOptions): Promise<ComputeSystem>;
  /** HcsEnumerateComputeSystems. */
  enumerate(query?: EnumerationQuery, options?: CallOptions): Promise<ComputeSystemSummary[]>;
}

export interface EnumerationQuery {
  readonly ids?: readonly string[];
  readonly owners?: readonly string[];
}

export interface ComputeSystemSummary {
  readonly id: string;
  readonly owner: string;
  readonly systemType: "Container" | "VirtualMachine";
  readonly state: ComputeSystemState;
  readonly runtimeId?: string;
}

export type ComputeSystemState = "Created" | "Running" | "Paused" | "Stopped";

/** Data of the SystemExited notification. */
export interface SystemExit {
  /** `Status` of the exit: 0 or an HRESULT, unsigned. */
  readonly status: number;
  readonly exitType: SystemExitType;
  /** A sentence for people where the platform gave one. */
  readonly reason?: string;
}

/** `ServiceDisconnected` is ours: the compute service itself went away, no exit will ever be reported. */
export type SystemExitType = "GracefulExit" | "ForcedExit" | "UnexpectedExit" | "ServiceDisconnected";

/**
 * A handle to a compute system: a utility VM, or a process-isolated container. With
 * `ShouldTerminateOnLastHandleClosed` in its document the system ends when its last handle is closed,
 * also when that happens because the process that holds it died.
 */
export interface ComputeSystem {
  readonly id: string;
  /** Settles once, when the system has exited for whatever reason. Never rejects. */
  readonly exited: Promise<SystemExit>;
  start(options?: CallOptions): Promise<void>;
  /** HcsShutDownComputeSystem: asks; the exit follows as {@link exited}. */
  shutdown(options?: CallOptions): Promise<void>;
  /** HcsTerminateComputeSystem: submitted; the exit follows as {@link exited}. */
  terminate(options?: CallOptions): Promise<void>;
  pause(options?: CallOptions): Promise<void>;
  resume(options?: CallOptions): Promise<void>;
  /**
   * Freezes one container inside a VM; its siblings go on. Only where the platform can ({@link BackendTraits.pause}):
   * HCS itself pauses whole systems alone.
   */
  pauseHosted?(containerId: string, options?: CallOptions): Promise<void>;
  resumeHosted?(containerId: string, options?: CallOptions): Promise<void>;
  modify(request: ModifySettingRequest, options?: CallOptions): Promise<void>;
  properties(query: PropertyQuery, options?: CallOptions): Promise<SystemProperties>;
  /**
   * Bytes of the host's memory that a VM has in use: the working set of its memory process (`vmmem`, run as
   * `NT VIRTUAL MACHINE\<runtime id>`). Undefined when there is no such process; absent where VMs have none.
   */
  workingSet?(options?: CallOptions): Promise<number | bigint | undefined>;
  createProcess(parameters: ProcessParameters, options?: CallOptions): Promise<HcsProcess>;
  openProcess(processId: number, options?: CallOptions): Promise<HcsProcess>;
  /** HcsCloseComputeSystem. Idempotent; {@link exited} of a system that goes on living stays pending. */
  close(): Promise<void>;
}

/** Data of the ProcessExited notification. */
export interface ProcessExit {
  /** Unsigned 32 bits. 4294967295 when the code is unknown. */
  readonly exitCode: number;
}

/** Streams exist only where the parameters asked for them (`CreateStdInPipe`, …). */
export interface ProcessStdio {
  readonly stdin?: Duplex;
  readonly stdout?: Duplex;
  readonly stderr?: Duplex;
}

/** A handle to a process in a compute system, or (same shape) to a process behind a guest connection. */
export interface HcsProcess {
  readonly processId: number;
  readonly stdio: ProcessStdio;
  /** Settles once, when the process has exited. Rejects when that can never be known (connection lost). */
  readonly exited: Promise<ProcessExit>;
  signal(signal: ProcessSignal, options?: CallOptions): Promise<SignalOutcome>;
  terminate(options?: CallOptions): Promise<SignalOutcome>;
  resize(size: ConsoleSize, options?: CallOptions): Promise<void>;
  /** Half-closes stdin: the process reads end of file. Idempotent. */
  closeStdin(options?: CallOptions): Promise<void>;
  close(): Promise<void>;
}

/** Linux guests take numbers, Windows the names of console events. */
export type ProcessSignal = number | "CtrlC" | "CtrlBreak" | "CtrlClose" | "CtrlLogOff" | "CtrlShutdown";

/** `gone`: the process had already exited, so there was nobody to deliver to. */
export type SignalOutcome = "delivered" | "gone";

export interface ConsoleSize {
  /** Rows, 16 bits. */
  readonly height: number;
  /** Columns, 16 bits. */
  readonly width: number;
}

/** One entry of the mount list a containerd snapshotter hands over (containerd.types.Mount). */
export interface RootfsMount {
  readonly type: string;
  readonly source: string;
  /** Sub-path inside the root file system, usually empty. */
  readonly target: string;
  readonly options: readonly string[];
}

export interface Storage {
  /** Mount types that {@link mount} can turn into a directory on this host. */
  readonly mountTypes: readonly string[];
  /** Applies `mounts` in order onto `target`, which is an empty directory. All or nothing. */
  mount(mounts: readonly RootfsMount[], target: string, options?: CallOptions): Promise<void>;
  /** Undoes every mount on and below `target`. A target without mounts is success. */
  unmount(target: string, options?: CallOptions): Promise<void>;
  /** HcsGrantVmAccess: lets the VM of this id open the file. */
  grantVmAccess(vmId: string, path: string, options?: CallOptions): Promise<void>;
  /** HcsGrantVmGroupAccess with an access mask (GENERIC_*, unsigned): lets every VM open the file or directory. */
  grantVmGroupAccess(path: string, accessMask: number, options?: CallOptions): Promise<void>;
}

export interface Network {
  /**
   * Resolves what a spec names as its network to a namespace of the compute network: on Windows the id of an
   * HCN namespace, on the emulator the path of a network namespace.
   */
  openNamespace(reference: string, options?: CallOptions): Promise<NetworkNamespace>;
}

export interface NetworkNamespace {
  /** Lower-case GUID. */
  readonly id: string;
  readonly endpoints: readonly NetworkEndpoint[];
  /** As HCN describes it: what a Windows guest is told. Absent where there is no HCN. */
  readonly document?: HcnNamespace;
}

/** The parts of an HCN endpoint that a guest needs. */
export interface NetworkEndpoint {
  /** Lower-case GUID. */
  readonly id: string;
  readonly name: string;
  /** `00-15-5D-…`, as HCN writes it. */
  readonly macAddress: string;
  readonly ipConfigurations: readonly { readonly ipAddress: string; readonly prefixLength: number }[];
  readonly routes: readonly {
    readonly nextHop: string;
    readonly destinationPrefix: string;
    readonly metric?: number;
  }[];
  readonly dns: DnsSettings;
  /** As HCN describes it: what a Windows guest is told. Absent where there is no HCN. */
  readonly document?: HcnEndpoint;
}

export interface DnsSettings {
  readonly domain?: string;
  readonly search: readonly string[];
  readonly servers: readonly string[];
}

/** An address on AF_HYPERV: who, and which service of theirs. Both lower-case GUIDs. */
export interface HvSocketAddress {
  /** Runtime id of the utility VM (`RuntimeId` of its properties). */
  readonly vmId: string;
  readonly serviceId: string;
}

export interface HvSocket {
  /** Binds and listens. The other side can connect as soon as this resolves. */
  listen(address: HvSocketAddress, options?: CallOptions): Promise<HvSocketListener>;
  connect(address: HvSocketAddress, options?: CallOptions): Promise<Duplex>;
  /**
   * Makes a Windows container in a VM reachable under an address of its own, until the registration is closed
   * (HcsCreateOrOpen of an HvSocket address info). Addresses are lower-case GUIDs.
   */
  registerContainer(container: HvSocketContainer, options?: CallOptions): Promise<HvSocketRegistration>;
}

export interface HvSocketContainer {
  readonly vmId: string;
  /** `SystemGUID` property of the container. */
  readonly systemId: string;
}

export interface HvSocketRegistration {
  close(): Promise<void>;
}

export interface HvSocketListener {
  /** The next connection: a byte stream with half-close. Rejects when the listener is closed. */
  accept(options?: CallOptions): Promise<Duplex>;
  close(): Promise<void>;
}
