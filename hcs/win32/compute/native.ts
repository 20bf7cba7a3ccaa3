/**
 * The two ways in which Windows offers compute systems, as one interface: computecore.dll (`computecore/`), and vmcompute.dll
 * (`vmcompute/`) on builds without it. JSON in and out is text here; what it means is the business of the callers.
 */
import type { CallOptions, SystemExit } from "../../api.ts";
import type { Attempt } from "../ffi/result.ts";
import type { Handle } from "../ffi/types.ts";

/** Verbs of compute systems that take nothing and answer nothing. */
export type SystemVerb = "start" | "shutdown" | "terminate" | "pause" | "resume";

/** A call that can be given up by its signal, and what it is for the text of its error. */
export interface NativeCall extends CallOptions {
  readonly attempt: Attempt;
}

export interface NativeCompute {
  /** @returns JSON: a list of systems */
  enumerate(query: string, call: NativeCall): Promise<string | undefined>;
  create(id: string, document: string, call: NativeCall): Promise<NativeSystem>;
  open(id: string, call: NativeCall): Promise<NativeSystem>;
  /** @returns JSON */
  serviceProperties(query: string, call: NativeCall): Promise<string | undefined>;
  modifyService(settings: string, call: NativeCall): Promise<void>;
}

/** A handle to a compute system, with its notifications. */
export interface NativeSystem {
  /** Settles once the exit is known; never rejects. Stays pending when the handle is closed before. */
  readonly exited: Promise<SystemExit>;
  perform(verb: SystemVerb, call: NativeCall): Promise<void>;
  /** @returns JSON */
  properties(query: string, call: NativeCall): Promise<string | undefined>;
  modify(request: string, call: NativeCall): Promise<void>;
  createProcess(parameters: string, call: NativeCall): Promise<NativeProcess>;
  openProcess(processId: number, call: NativeCall): Promise<NativeProcess>;
  /** Lets native calls that are under way return first. To be called once. */
  close(): Promise<void>;
}

export interface NativeProcess {
  readonly information: ProcessInformation;
  /** Rejects when the service has gone. Stays pending when the handle is closed before. */
  readonly exited: Promise<NativeProcessExit>;
  terminate(call: NativeCall): Promise<void>;
  signal(options: string, call: NativeCall): Promise<void>;
  modify(settings: string, call: NativeCall): Promise<void>;
  /** To be called once. */
  close(): Promise<void>;
}

/** Data of the exit notification, or of the process's properties. */
export interface NativeProcessExit {
  /** Unsigned 32 bits; undefined when the service did not tell. */
  readonly exitCode: number | undefined;
}

/** HCS_PROCESS_INFORMATION. Absent are the handles of streams that the process does not have; the others belong to the caller. */
export interface ProcessInformation {
  readonly processId: number;
  readonly stdin?: Handle | undefined;
  readonly stdout?: Handle | undefined;
  readonly stderr?: Handle | undefined;
}
