/** A process in a job, by its handle. */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import type {
  ConsoleSize,
  HcsProcess,
  ProcessExit,
  ProcessSignal,
  ProcessStdio,
  SignalOutcome,
} from "../../api.ts";
import { createDeferred } from "../../deferred.ts";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { inBackground } from "../diagnostics.ts";
import { Lane } from "../ffi/lane.ts";
import { keepProcess } from "../ffi/keep-alive.ts";
import { lastErrorFailure } from "../ffi/last-error.ts";
import { KERNEL32 } from "../ffi/libraries/kernel32.ts";
import { KERNEL32_PROCESSES } from "../ffi/libraries/kernel32-processes.ts";
import { Library } from "../ffi/library.ts";
import { requireSuccess, type Attempt } from "../ffi/result.ts";
import { out, type Handle } from "../ffi/types.ts";
import { Watch } from "../ffi/watch.ts";
import { signalProcess } from "./console-signals.ts";
import type { PseudoConsole } from "./pseudo-console.ts";

const lane = new Lane("processes", 1);
const kernel32 = new Library(KERNEL32, lane);
const processes = new Library(KERNEL32_PROCESSES, lane);

/** Exit code of a process that was made to end. */
const TERMINATED = 1;

export class Win32JobProcess implements HcsProcess {
  readonly processId: number;
  readonly stdio: ProcessStdio;
  readonly exited: Promise<ProcessExit>;
  readonly #handle: Handle;
  readonly #console: PseudoConsole | undefined;
  #hasExited = false;
  #closed = false;

  /** @param handle owned by this from now on */
  constructor(processId: number, handle: Handle, stdio: ProcessStdio, console: PseudoConsole | undefined) {
    this.processId = processId;
    this.stdio = stdio;
    this.#handle = handle;
    this.#console = console;
    const exit = createDeferred<ProcessExit>();
    this.exited = exit.promise;
    const letGo = keepProcess();
    const settle = (): void => {
      this.#hasExited = true;
      letGo();
      try {
        exit.resolve({ exitCode: this.#exitCode() });
      } catch (error) {
        exit.reject(error);
      }
      // What it wrote last is read by then, or will be: closing ends its output.
      if (console !== undefined) inBackground("close a pseudo console", console.close());
      if (this.#closed) this.#letGo();
    };
    new Watch(handle, settle, { once: true });
  }

  async signal(signal: ProcessSignal): Promise<SignalOutcome> {
    return this.#hasExited ? "gone" : signalProcess(this.processId, signal);
  }

  async terminate(): Promise<SignalOutcome> {
    if (this.#hasExited) return "gone";
    if (kernel32.call("TerminateProcess", this.#handle, TERMINATED) === 0)
      throw lastErrorFailure(this.#attempt("terminate process"));
    return "delivered";
  }

  async resize(size: ConsoleSize): Promise<void> {
    const attempt = this.#attempt("resize the console of process");
    if (this.#console === undefined) {
      const detail = "it was started without one";
      throw new HcsError({ ...attempt, hresult: HRESULT.invalidArgument, detail });
    }
    requireSuccess(this.#console.resize(size), attempt);
  }

  async closeStdin(): Promise<void> {
    const { stdin } = this.stdio;
    if (stdin === undefined || stdin.destroyed) return;
    await endPipe(stdin);
  }

  /**
   * Lets go of the process. What is unread of its output is lost, but as long as it lives its output keeps a reader, and it its handle: the
   * exit is wanted all the same.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#hasExited) return this.#letGo();
    this.stdio.stdout?.resume();
    this.stdio.stderr?.resume();
  }

  #exitCode(): number {
    const code = out();
    if (processes.call("GetExitCodeProcess", this.#handle, code) === 0)
      throw lastErrorFailure(this.#attempt("read the exit code of process"));
    return Number(code[0]);
  }

  #letGo(): void {
    const { stdin, stdout, stderr } = this.stdio;
    for (const stream of [stdin, stdout, stderr]) stream?.destroy();
    kernel32.call("CloseHandle", this.#handle);
  }

  #attempt(operation: string): Attempt {
    return { operation, target: String(this.processId) };
  }
}

/** Pipes of Windows have no half-close: the other side reads the end when ours is closed, after what was written has gone. */
async function endPipe(stream: Duplex): Promise<void> {
  if (!stream.writableEnded) stream.end();
  if (!stream.writableFinished) await Promise.race([once(stream, "finish"), once(stream, "close")]);
  stream.destroy();
}
