/** A process on the scripted host: runs until it is signalled, terminated or told to end. */
import { PassThrough } from "node:stream";
import type {
  ConsoleSize,
  HcsProcess,
  ProcessExit,
  ProcessSignal,
  ProcessStdio,
  SignalOutcome,
} from "../api.ts";
import { createDeferred } from "../deferred.ts";
import type { EndingProcess, Machine } from "./machine.ts";

export interface StdioWish {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** How calls on a process are recorded. */
export interface ProcessCalls {
  signal(processId: number, signal: ProcessSignal): void;
  terminate(processId: number): void;
  resize(processId: number, size: ConsoleSize): void;
  closeStdin(processId: number): void;
}

export class ScriptedProcess implements HcsProcess, EndingProcess {
  readonly processId: number;
  readonly stdio: ProcessStdio;
  readonly exited: Promise<ProcessExit>;
  readonly #calls: ProcessCalls;
  /** What the process ends with when somebody else ends it. */
  readonly #endedCode: number;
  readonly #exit = createDeferred<ProcessExit>();
  readonly #outputs: PassThrough[] = [];
  #running = true;

  constructor(machine: Machine, wish: StdioWish, calls: ProcessCalls, endedCode: number) {
    this.#calls = calls;
    this.#endedCode = endedCode;
    this.exited = this.#exit.promise;
    this.processId = machine.addProcess(this);
    this.stdio = {
      ...(wish.stdin ? { stdin: new PassThrough().resume() } : {}),
      ...(wish.stdout ? { stdout: this.#output() } : {}),
      ...(wish.stderr ? { stderr: this.#output() } : {}),
    };
  }

  get isRunning(): boolean {
    return this.#running;
  }

  end(exitCode: number): void {
    if (!this.#running) return;
    this.#running = false;
    for (const output of this.#outputs) output.end();
    this.#exit.resolve({ exitCode });
  }

  async signal(signal: ProcessSignal): Promise<SignalOutcome> {
    this.#calls.signal(this.processId, signal);
    return this.#endByForce();
  }

  async terminate(): Promise<SignalOutcome> {
    this.#calls.terminate(this.processId);
    return this.#endByForce();
  }

  async resize(size: ConsoleSize): Promise<void> {
    this.#calls.resize(this.processId, size);
  }

  async closeStdin(): Promise<void> {
    this.#calls.closeStdin(this.processId);
    this.stdio.stdin?.end();
  }

  async close(): Promise<void> {}

  #endByForce(): SignalOutcome {
    if (!this.#running) return "gone";
    this.end(this.#endedCode);
    return "delivered";
  }

  #output(): PassThrough {
    const output = new PassThrough();
    this.#outputs.push(output);
    return output;
  }
}
