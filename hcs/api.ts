/**
 * The port: everything the shim asks of a platform, in the words of the Host Compute Service.
 *
 * Backends implement it: `emulator` (real processes on Linux), `win32` (the DLLs), `trace` (record and
 * replay). `test/contract` holds the tests every backend must pass. Nothing above this file knows which
 * backend it talks to; what differs by platform is data in {@link BackendTraits}. `hcs/port` has its parts.
 *
 * Calls reject with `HcsError` (hcs/errors.ts). Every call takes an `AbortSignal`: when it fires, the call
 * rejects with the signal's reason, and a completion that arrives later is released by the backend.
 */
import type { CallOptions } from "./port/call.ts";
import type { ComputeSystems } from "./port/compute-systems.ts";
import type { HostFiles } from "./port/files.ts";
import type { HostInfo } from "./port/host.ts";
import type { HvSocket } from "./port/hv-socket.ts";
import type { HostJobs } from "./port/jobs.ts";
import type { WindowsLayers } from "./port/layers.ts";
import type { Network } from "./port/network.ts";
import type { Storage } from "./port/storage.ts";
import type { PropertyQuery, ServiceProperties } from "./schema/properties.ts";
import type { ModifyServiceRequest } from "./schema/service.ts";

export type * from "./port/call.ts";
export type * from "./port/compute-systems.ts";
export type * from "./port/host.ts";
export type * from "./port/hv-socket.ts";
export type * from "./port/network.ts";
export type * from "./port/process.ts";
export type * from "./port/storage.ts";

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
