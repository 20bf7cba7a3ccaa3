/** What differs between the kinds of compute systems, seen from a handle: a utility VM, a container on the host. */
import type { CallOptions, ComputeSystemState, HcsProcess } from "../../api.ts";
import type { ModifySettingRequest } from "../../schema/modify.ts";
import type { ProcessParameters } from "../../schema/process.ts";
import type { PropertyQuery, SystemProperties } from "../../schema/properties.ts";

export interface SystemKind {
  /** Why it cannot be paused; undefined where it can. */
  readonly noPause: string | undefined;
  /** The worker has started: what has to follow before the system counts as started. */
  afterStart(options: CallOptions): Promise<void>;
  /** Asks the system to shut down. Rejects where nobody can. */
  shutdown(options: CallOptions): Promise<void>;
  /** Ends it in such a way that the exits of its processes are told. False: its worker has to be killed. */
  terminate(): Promise<boolean>;
  modify(request: ModifySettingRequest, options: CallOptions): Promise<void>;
  properties(
    query: PropertyQuery,
    state: ComputeSystemState,
    startedAt: string | undefined,
    options: CallOptions,
  ): Promise<SystemProperties>;
  createProcess(parameters: ProcessParameters, options: CallOptions): Promise<HcsProcess>;
  openProcess(processId: number, options: CallOptions): Promise<HcsProcess>;
  /** The system has ended. */
  close(): Promise<void>;
}
