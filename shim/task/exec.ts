/**
 * One process of a task, from its registration to its exit: the init process or an exec.
 */
import type { ConsoleSize, HcsProcess, StdioPorts } from "../../hcs/api.ts";
import { abortable } from "../clock.ts";
import { ShimError } from "../errors.ts";
import type { StdioPaths, UpstreamStdio } from "../io/upstream.ts";
import type { Phases } from "../phases/phases.ts";
import { createDeferred } from "../../hcs/deferred.ts";
import { Serial } from "./serial.ts";
import { killAction, SIGKILL, type GuestOs } from "./signals.ts";
import {
  EXEC_STATE_WORDS,
  EXEC_VERDICTS,
  nextExecState,
  type ExecEvent,
  type ExecState,
  type ExecVerb,
} from "./states.ts";

/** How a process ended. */
export interface ExitRecord {
  /** 0 when it was never started. */
  readonly pid: number;
  /** Unsigned 32 bits. */
  readonly status: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Status in State replies while a process has not exited. */
export const NOT_EXITED = 255;
/** A created process that was killed, or whose start failed. */
export const NEVER_RAN = 1;

/** Moves bytes between a process and its client; owns the client's end once it exists. */
export interface OutputRelay {
  /** The process was killed: read its output to the end whatever the reader does, so that its exit can be seen. */
  lift(): void;
  /** The process has exited. */
  processEnded(): void;
  /** Resolves when all output was handed to the client, or when the signal fires. */
  drained(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** What an exec asks of the task around it. */
export interface ExecContext {
  readonly taskId: string;
  readonly os: GuestOs;
  readonly canSignal: boolean;
  now(): number;
  phases(verb: string, execId: string): Phases;
  launch(exec: Exec, phases: Phases): Promise<HcsProcess>;
  relay(process: HcsProcess, upstream: UpstreamStdio): OutputRelay;
  /** The process runs; called before anybody can learn of its exit. */
  onStarted(exec: Exec): void;
  /**
   * The process has exited and its output is out. The exit is published when this resolves: what must come before
   * it (the exits of other processes, an out-of-memory event) is done in here.
   *
   * @returns the status to record
   */
  beforeExit(exec: Exec, status: number): Promise<number>;
  /** The exit is recorded. */
  onExited(exec: Exec, record: ExitRecord): void;
  /** Status of a process whose end nobody saw, because its VM or guest is gone. */
  lostStatus(exec: Exec, cause: unknown): number;
  /** Something went wrong that no caller waits for. */
  report(message: string, error: unknown): void;
}

export interface ExecInit {
  readonly id: string;
  readonly isInit: boolean;
  readonly terminal: boolean;
  readonly upstream: UpstreamStdio;
  readonly context: ExecContext;
}

export class Exec {
  readonly id: string;
  readonly isInit: boolean;
  readonly terminal: boolean;
  readonly upstream: UpstreamStdio;
  readonly #context: ExecContext;
  readonly #serial = new Serial();
  readonly #exited = createDeferred<ExitRecord>();
  #state: ExecState = "created";
  #wasKilled = false;
  #process: HcsProcess | undefined;
  #relay: OutputRelay | undefined;
  #pid = 0;
  #record: ExitRecord | undefined;

  constructor(init: ExecInit) {
    this.id = init.id;
    this.isInit = init.isInit;
    this.terminal = init.terminal;
    this.upstream = init.upstream;
    this.#context = init.context;
  }

  get state(): ExecState {
    return this.#state;
  }

  get paths(): StdioPaths {
    return this.upstream.paths;
  }

  /** 0 before the process was started; kept after its exit. */
  get pid(): number {
    return this.#pid;
  }

  get exit(): ExitRecord | undefined {
    return this.#record;
  }

  /** The exit, whenever it comes. Any number may wait, before the start and after the exit. */
  wait(signal?: AbortSignal): Promise<ExitRecord> {
    return abortable(this.#exited.promise, signal);
  }

  /** Starts the process. @returns its pid */
  start(): Promise<number> {
    return this.#serial.run(async () => {
      this.#require("start");
      this.#move("start");
      try {
        const phases = this.#context.phases("start", this.id);
        this.#process = await this.#context.launch(this, phases);
      } catch (error) {
        this.#move("failed");
        await this.#settle(NEVER_RAN);
        throw error;
      }
      this.#pid = this.#process.processId;
      this.#relay = this.#context.relay(this.#process, this.upstream);
      this.#move("started");
      this.#context.onStarted(this);
      void this.#watch(this.#process, this.#relay);
      return this.#pid;
    });
  }

  /** Goes on with a process that an earlier shim has started. Nobody is told of its start again. */
  adopt(process: HcsProcess): void {
    this.#move("start");
    this.#move("started");
    this.#process = process;
    this.#pid = process.processId;
    this.#relay = this.#context.relay(process, this.upstream);
    void this.#watch(process, this.#relay);
  }

  /** Takes over an exit that is known. Whether somebody has yet to be told is the caller's business. */
  adoptExit(record: ExitRecord): void {
    this.#move("forced");
    this.#pid = record.pid;
    this.#record = record;
    this.#exited.resolve(record);
  }

  /** Where the guest has dialled for its streams; empty where it has not. */
  get stdioPorts(): StdioPorts {
    return this.#process?.stdioPorts ?? {};
  }

  /** Its client asked for its end: what killed it is no question. */
  get wasKilled(): boolean {
    return this.#wasKilled;
  }

  /** @throws {ShimError} PROCESS_GONE, SIGNAL_INVALID */
  kill(signal: number): Promise<void> {
    return this.#serial.run(async () => {
      this.#require("kill");
      if (this.#state === "created") {
        await this.#force(NEVER_RAN);
        return;
      }
      const action = killAction(this.#context.os, signal, this.#context.canSignal);
      const process = this.#process;
      if (process === undefined) throw new TypeError(`exec "${this.id}" is ${this.#state} without a process`);
      const isFatal = action === "terminate" || action.signal === SIGKILL;
      // Before the act: its exit may be told before the answer comes.
      this.#wasKilled ||= isFatal;
      const phases = this.#context.phases("kill", this.id);
      const outcome = await phases.run("signal", (budget) =>
        action === "terminate"
          ? process.terminate({ signal: budget })
          : process.signal(action.signal, { signal: budget }),
      );
      if (isFatal) this.#relay?.lift();
      if (outcome === "gone") throw this.#refusal("kill", "PROCESS_GONE");
    });
  }

  /** Ends a process that was created and never started. Of others nothing is asked. */
  forceExit(status: number): Promise<void> {
    return this.#serial.run(async () => {
      if (this.#state === "created") await this.#force(status);
    });
  }

  /** Before the record of this process goes. @throws {ShimError} WRONG_STATE while it runs */
  async finish(): Promise<ExitRecord> {
    await this.#serial.run(async () => {
      this.#require("delete");
      if (this.#state === "created") await this.#force(this.#context.os === "none" ? NEVER_RAN : 0);
    });
    const record = await this.#exited.promise;
    await (this.#relay ?? this.upstream).close();
    return record;
  }

  /** Ignored unless the process runs. @throws {ShimError} NOT_A_TERMINAL */
  async resize(size: ConsoleSize): Promise<void> {
    if (!this.terminal) {
      throw new ShimError("NOT_A_TERMINAL", `cannot resize ${this.#name()}: it has no terminal`);
    }
    const process = this.#process;
    if (this.#state !== "running" || process === undefined) return;
    const phases = this.#context.phases("resize", this.id);
    await phases.run("signal", (signal) => process.resize(size, { signal }));
  }

  /** From now on the end of the client's input is the end of the process's input. Idempotent. */
  closeStdin(): void {
    this.upstream.closeStdin();
  }

  async #watch(process: HcsProcess, relay: OutputRelay): Promise<void> {
    try {
      const status = await this.#exitStatus(process);
      this.#move("processExited");
      relay.processEnded();
      await this.#drain(relay);
      await process.close();
      const recorded = await this.#context.beforeExit(this, status);
      this.#move("drained");
      await this.#settle(recorded);
    } catch (error) {
      // Nothing above may throw; if it does, waiters must not hang for it.
      this.#context.report("cannot end a process in order", error);
      if (this.#record === undefined) {
        this.#state = "exited";
        await this.#settle(this.#context.lostStatus(this, error));
      }
    }
  }

  async #drain(relay: OutputRelay): Promise<void> {
    const phases = this.#context.phases("exit", this.id);
    try {
      await phases.run("drain", (signal) => relay.drained(signal));
    } catch (error) {
      this.#context.report("output was not taken in time, its delivery goes on", error);
    }
  }

  async #exitStatus(process: HcsProcess): Promise<number> {
    try {
      return (await process.exited).exitCode >>> 0;
    } catch (error) {
      this.#context.report("the end of a process was not seen", error);
      return this.#context.lostStatus(this, error);
    }
  }

  /** Leaves `created` without ever having run. */
  async #force(status: number): Promise<void> {
    this.#move("forced");
    await this.#settle(status);
  }

  async #settle(status: number): Promise<void> {
    if (this.#relay === undefined) await this.upstream.close();
    this.#record = { pid: this.#pid, status, at: this.#context.now() };
    this.#context.onExited(this, this.#record);
    this.#exited.resolve(this.#record);
  }

  #move(event: ExecEvent): void {
    this.#state = nextExecState(this.#state, event);
  }

  #require(verb: ExecVerb): void {
    const verdict = EXEC_VERDICTS[verb][this.#state];
    if (verdict !== "ok") throw this.#refusal(verb, verdict);
  }

  #refusal(verb: ExecVerb, code: ConstructorParameters<typeof ShimError>[0]): ShimError {
    const why =
      code === "PROCESS_GONE" ? "process already finished" : `it is ${EXEC_STATE_WORDS[this.#state]}`;
    return new ShimError(code, `cannot ${verb} ${this.#name()}: ${why}`);
  }

  #name(): string {
    return this.isInit
      ? `task "${this.#context.taskId}"`
      : `exec "${this.id}" in task "${this.#context.taskId}"`;
  }
}
