/** What a test under Wine may ask of the host of the rig: one JSON line each way, answered in order. */
import type { HostEntry, Platform } from "../../../hcs/scripted/platform.ts";
import type { TraceEntry } from "../../../hcs/scripted/recorder.ts";
import type { ComputeSystemDocument } from "../../../hcs/schema/compute-system.ts";
import type { Fault } from "../host/faults.ts";
import type { NativeCallRecord, Report } from "../host/rig-host.ts";

/** Command → what it takes and what it answers. */
export interface Commands {
  /**
   * A scripted machine answers from now on. With `echo` its processes copy stdin to stdout and end with it; stderr gets `oops`.
   */
  useScripted(init: { platform: Platform; files: readonly HostEntry[]; echo?: boolean }): void;
  /** The emulator answers from now on, with a state directory of its own. */
  useEmulator(): void;
  /** The smallest document of a VM that the emulator can start. */
  vmDocument(changes: Partial<ComputeSystemDocument>): ComputeSystemDocument;
  addFault(fault: Fault): void;
  /** No faults any more; what was withheld comes, what hung returns. */
  clearFaults(): void;
  /** Names of the functions whose calls are held back now. */
  hanging(): readonly string[];
  /** What the scripted machine was asked. */
  trace(): readonly TraceEntry[];
  /** The documents in it, by the names of their files. */
  documents(): Readonly<Record<string, unknown>>;
  /** A process of the scripted machine ends by itself. */
  endProcess(end: { processId: number; exitCode: number }): void;
  /** A system of the scripted machine disappears. */
  crashSystem(id: string): void;
  /** Begins to record the calls of native functions. */
  recordCalls(): void;
  /** Ends the record. */
  takeCalls(): readonly NativeCallRecord[];
  /** The compute service goes away: whoever listens is told, and nothing follows. */
  disconnectService(): void;
  /** What each DLL of the process has open. */
  report(process: number): readonly Report[];
  /** What the DLLs complained of since the last time. */
  takeViolations(): readonly string[];
}

export type CommandName = keyof Commands;
export type CommandArgument<N extends CommandName> = Parameters<Commands[N]>[0];
export type CommandAnswer<N extends CommandName> = ReturnType<Commands[N]>;

/** Environment variable with the port on which commands are taken. */
export const CONTROL_PORT = "RUNHCS_RIG_CONTROL_PORT";
/** Environment variable with the port to which the stand-in DLLs connect. */
export const RIG_PORT = "RUNHCS_RIG_PORT";
/** Environment variable with the folder of the golden cases. */
export const GOLDEN_CASES = "RUNHCS_TEST_GOLDEN";
/** Environment variable with the file that threads for native calls run. */
export const THREAD_FILE = "RUNHCS_NATIVE_THREAD";
