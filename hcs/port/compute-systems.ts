/** Compute systems: utility VMs and process-isolated containers, as handles. */
import type { Duplex } from "node:stream";
import type { ComputeSystemDocument } from "../schema/compute-system.ts";
import type { ContainerConfigurationV1 } from "../schema/container.ts";
import type { ModifySettingRequest } from "../schema/modify.ts";
import type { ProcessParameters } from "../schema/process.ts";
import type { PropertyQuery, SystemProperties } from "../schema/properties.ts";
import type { CallOptions } from "./call.ts";
import type { HcsProcess } from "./process.ts";

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
  /**
   * A further handle as a connection that another process can be given, to keep the system alive. Nothing has to be read
   * from it; closing it closes the handle. Absent where handles are not connections.
   */
  connectHandle?(options?: CallOptions): Promise<Duplex>;
  /** HcsCloseComputeSystem. Idempotent; {@link exited} of a system that goes on living stays pending. */
  close(): Promise<void>;
}
