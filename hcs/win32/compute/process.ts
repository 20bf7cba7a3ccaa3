/** A process in a compute system. */
import { finished } from "node:stream/promises";
import type {
  CallOptions,
  ConsoleSize,
  HcsProcess,
  ProcessExit,
  ProcessSignal,
  ProcessStdio,
  SignalOutcome,
} from "../../api.ts";
import { abortable } from "../../abortable.ts";
import { isAccessDenied, isAlreadyStopped, isInvalidState, isNotFound } from "../../hresult.ts";
import { keepProcess } from "../ffi/keep-alive.ts";
import type { NativeCall, NativeProcess } from "./native.ts";
import { streamsOf } from "./process-stdio.ts";

/** What the port answers when nobody knows how a process ended. */
const UNKNOWN_EXIT_CODE = 0xffff_ffff;

export class Win32Process implements HcsProcess {
  readonly processId: number;
  readonly stdio: ProcessStdio;
  readonly exited: Promise<ProcessExit>;
  readonly #native: NativeProcess;
  readonly #target: string;
  readonly #letGo = keepProcess();
  #closing: Promise<void> | undefined;
  #hasExited = false;

  /**
   * Takes the native process over.
   *
   * @throws when its handles cannot become streams
   */
  constructor(native: NativeProcess, systemId: string) {
    this.#native = native;
    this.processId = native.information.processId;
    this.#target = `${this.processId} of ${systemId}`;
    try {
      this.stdio = streamsOf(native.information);
    } catch (error) {
      this.#letGo();
      throw error;
    }
    this.exited = native.exited.then(({ exitCode = UNKNOWN_EXIT_CODE }) => ({ exitCode }));
    const note = (): void => {
      this.#hasExited = true;
      this.#letGo();
    };
    this.exited.then(note, note);
  }

  signal(signal: ProcessSignal, options: CallOptions = {}): Promise<SignalOutcome> {
    const call = this.#call("signal process", options);
    return this.#deliver(() => this.#native.signal(JSON.stringify({ Signal: signal }), call));
  }

  terminate(options: CallOptions = {}): Promise<SignalOutcome> {
    return this.#deliver(() => this.#native.terminate(this.#call("terminate process", options)));
  }

  resize({ height, width }: ConsoleSize, options: CallOptions = {}): Promise<void> {
    const settings = { Operation: "ConsoleSize", ConsoleSize: { Height: height, Width: width } };
    return this.#native.modify(JSON.stringify(settings), this.#call("resize console of process", options));
  }

  async closeStdin(options: CallOptions = {}): Promise<void> {
    const { stdin } = this.stdio;
    if (stdin !== undefined && !stdin.writableEnded) {
      stdin.end();
      // What was written before the end is read before the end; a process that has gone reads nothing any more.
      const flushed = finished(stdin, { readable: false }).catch(() => undefined);
      await abortable(flushed, options.signal);
    }
    if (this.#hasExited) return;
    const settings = { Operation: "CloseHandle", CloseHandle: { Handle: "StdIn" } };
    try {
      await this.#native.modify(JSON.stringify(settings), this.#call("close stdin of process", options));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  /** Streams stay: what a process has written is read after its end. */
  close(): Promise<void> {
    this.#letGo();
    return (this.#closing ??= this.#native.close());
  }

  #call(operation: string, { signal }: CallOptions): NativeCall {
    return {
      attempt: { operation, target: this.#target },
      ...(signal === undefined ? {} : { signal }),
    };
  }

  async #deliver(send: () => Promise<void>): Promise<SignalOutcome> {
    if (this.#hasExited) return "gone";
    try {
      await send();
      return "delivered";
    } catch (error) {
      if (isGone(error)) return "gone";
      throw error;
    }
  }
}

/** There is nobody to deliver to any more: the process, or its whole system, has ended or is ending. */
function isGone(error: unknown): boolean {
  return isNotFound(error) || isAlreadyStopped(error) || isInvalidState(error) || isAccessDenied(error);
}
