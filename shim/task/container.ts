/**
 * A task's container, as the task needs it: behind a guest connection (hypervisor isolation) or, later, on the
 * host. The task never knows which.
 */
import type { HcsProcess, StdioPorts } from "../../hcs/api.ts";
import type { GuestProperties } from "../../hcs/guest/properties.ts";
import type { MemoryProperties, PropertyType, SystemStatistics } from "../../hcs/schema/properties.ts";
import type { Process } from "../../oci/spec.ts";
import type { Phases } from "../phases/phases.ts";
import type { GuestOs } from "./signals.ts";

/** Which streams a process is to have: those its client asked for. */
export interface StreamFlags {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** A process that is there already. */
export interface AdoptedProcess {
  readonly pid: number;
  readonly isInit: boolean;
  readonly ports: StdioPorts;
}

/** What a VM uses of its host, as HCS tells it. */
export interface VmUsage {
  readonly Statistics?: SystemStatistics;
  readonly Memory?: MemoryProperties;
  /** Bytes of the host's memory. */
  readonly workingSetBytes?: number | bigint;
}

/** What a container uses; beside it, what the VM uses that was made for it. */
export interface TaskUsage extends GuestProperties {
  readonly vm?: VmUsage;
}

export interface TaskContainer {
  readonly os: GuestOs;
  /** The guest can deliver signals; otherwise it can only end processes. */
  readonly canSignal: boolean;
  /** Starts the container and its init process. On failure the container is terminated. */
  createInit(streams: StreamFlags, phases: Phases): Promise<HcsProcess>;
  createExec(process: Process, streams: StreamFlags, phases: Phases): Promise<HcsProcess>;
  /** A process that an earlier shim has started; absent where processes cannot be found again. */
  adoptProcess?(process: AdoptedProcess): Promise<HcsProcess>;
  properties(types: PropertyType[], signal: AbortSignal): Promise<GuestProperties>;
  /** Of the VM that was made for this container; undefined when there is none (any more). */
  vmUsage?(signal: AbortSignal): Promise<VmUsage | undefined>;
  /** Changes limits. `resources` is the JSON of an OCI resources object, `kind` the last part of its type URL. */
  update(
    kind: string,
    resources: unknown,
    annotations: Readonly<Record<string, string>>,
    phases: Phases,
  ): Promise<void>;
  /** A process has asked for more memory than the container may have. Absent where the platform does not tell. */
  wasRefusedMemory?(): boolean;
  pause(signal: AbortSignal): Promise<void>;
  resume(signal: AbortSignal): Promise<void>;
  /** Ends the container and waits until it has ended. For containers that do not go by themselves. */
  terminate(phases: Phases): Promise<void>;
  /**
   * After the init process has exited: ends what is left of the container and releases all it held. May be called
   * again after it failed.
   */
  teardown(phases: Phases): Promise<void>;
  /** Forgets the container, at Delete. */
  remove(phases: Phases): Promise<void>;
}
