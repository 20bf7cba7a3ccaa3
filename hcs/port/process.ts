/** A process in a compute system, or behind a guest connection. */
import type { Duplex } from "node:stream";
import type { CallOptions } from "./call.ts";

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

/** Ports of Hyper-V sockets, by stream. */
export type StdioPorts = { readonly [Name in keyof ProcessStdio]?: number };

/** A handle to a process in a compute system, or (same shape) to a process behind a guest connection. */
export interface HcsProcess {
  readonly processId: number;
  readonly stdio: ProcessStdio;
  /** Of processes behind a guest connection: where the guest has dialled for their streams. */
  readonly stdioPorts?: StdioPorts;
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
