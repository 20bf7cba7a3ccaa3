/**
 * A task: one container with its init process and execs. Serves the Task calls for its id; the pod above decides
 * who it lives with.
 */
import type { ConsoleSize } from "../../hcs/api.ts";
import type { ProcessListEntry } from "../../hcs/schema/properties.ts";
import type { Process } from "../../oci/spec.ts";
import { ShimError } from "../errors.ts";
import type { StdioRequest, UpstreamStdio } from "../io/upstream.ts";
import type { Phases } from "../phases/phases.ts";
import type { Holdings } from "../resources/holdings.ts";
import type { Journal } from "../resources/journal.ts";
import type { TaskContainer, TaskUsage } from "./container.ts";
import { Exec, NEVER_RAN, type ExecContext, type ExitRecord, type OutputRelay } from "./exec.ts";
import { Serial } from "./serial.ts";
import { SIGKILL } from "./signals.ts";
import { EXEC_STATE_WORDS, EXEC_STATUS, TASK_VERDICTS, type TaskVerb } from "./states.ts";
import { Usage } from "./usage.ts";

/** What a task reports to the world, in the order it happens. */
export interface TaskEvents {
  started(task: Task, pid: number): void;
  execAdded(task: Task, exec: Exec): void;
  execStarted(task: Task, exec: Exec): void;
  exited(task: Task, exec: Exec, record: ExitRecord): void;
  deleted(task: Task, exec: Exec, record: ExitRecord): void;
  oom(task: Task): void;
  paused(task: Task): void;
  resumed(task: Task): void;
}

/** What a task needs from outside. */
export interface TaskEnvironment {
  readonly events: TaskEvents;
  now(): number;
  phases(verb: string, task: string, exec?: string, signal?: AbortSignal): Phases;
  openStdio(request: StdioRequest, phases: Phases): Promise<UpstreamStdio>;
  relay(
    exec: Exec,
    process: Parameters<ExecContext["relay"]>[0],
    isAlive: () => Promise<boolean>,
  ): OutputRelay;
  /** Before the exit of any process is recorded: what it died of may have to be told first. Never rejects. */
  beforeExit(): Promise<void>;
  /** Before the exit of this task's init is recorded: other tasks of the pod may have to go first. */
  beforeInitExit(task: Task): Promise<void>;
  /** Status of a process whose end nobody saw. */
  lostStatus(task: Task, cause: unknown): number;
  report(task: Task, message: string, error: unknown): void;
}

export interface TaskInit {
  readonly id: string;
  readonly namespace: string;
  readonly bundle: string;
  readonly terminal: boolean;
  readonly upstream: UpstreamStdio;
  readonly container: TaskContainer;
  readonly journal: Journal;
  readonly holdings: Holdings;
  readonly environment: TaskEnvironment;
}

export interface ExecRequest {
  readonly id: string;
  readonly process: Process;
  readonly stdio: Omit<StdioRequest, "namespace" | "containerId" | "execId">;
}

/** A process of a container, for Pids replies. */
export interface TaskProcess {
  readonly pid: number;
  /** Of those this shim started; undefined for their children. */
  readonly execId: string | undefined;
  /** What the platform says about it: its id at least. */
  readonly entry: ProcessListEntry;
}

/** A snapshot for State replies. */
export interface TaskSnapshot {
  readonly exec: Exec;
  readonly status: "CREATED" | "RUNNING" | "STOPPED" | "PAUSED" | "PAUSING";
}

type PauseState = "running" | "pausing" | "paused";

export class Task {
  readonly id: string;
  readonly bundle: string;
  readonly init: Exec;
  readonly container: TaskContainer;
  readonly holdings: Holdings;
  readonly #namespace: string;
  readonly #journal: Journal;
  readonly #environment: TaskEnvironment;
  readonly #execs = new Map<string, { readonly exec: Exec; readonly process: Process }>();
  readonly #context: ExecContext;
  readonly #usage: Usage;
  /** Exec registration and pausing; processes serialise their own calls. */
  readonly #serial = new Serial();
  #pause: PauseState = "running";
  #teardown: Promise<void> | undefined;
  #removal: Promise<void> | undefined;
  #deleted = false;

  constructor(init: TaskInit) {
    this.id = init.id;
    this.bundle = init.bundle;
    this.container = init.container;
    this.holdings = init.holdings;
    this.#namespace = init.namespace;
    this.#journal = init.journal;
    this.#environment = init.environment;
    this.#usage = new Usage({
      container: init.container,
      phases: (verb) => init.environment.phases(verb, init.id),
      onOom: () => init.environment.events.oom(this),
      report: (message, error) => init.environment.report(this, message, error),
    });
    this.#context = this.#execContext();
    this.init = new Exec({
      id: init.id,
      isInit: true,
      terminal: init.terminal,
      upstream: init.upstream,
      context: this.#context,
    });
  }

  /** Init and execs, init first. */
  processes(): Exec[] {
    return [this.init, ...[...this.#execs.values()].map(({ exec }) => exec)];
  }

  /** @param execId "" is the init process */
  exec(execId: string): Exec {
    if (execId === "") return this.init;
    const found = this.#execs.get(execId);
    if (found === undefined) throw new ShimError("EXEC_NOT_FOUND", `exec "${execId}" in task "${this.id}"`);
    return found.exec;
  }

  snapshot(execId: string): TaskSnapshot {
    const exec = this.exec(execId);
    const status = EXEC_STATUS[exec.state];
    if (status !== "RUNNING" || this.#pause === "running") return { exec, status };
    return { exec, status: this.#pause === "paused" ? "PAUSED" : "PAUSING" };
  }

  /** True once it was deleted and everything it held is released. */
  get isDeleted(): boolean {
    return this.#deleted;
  }

  async start(execId: string): Promise<number> {
    return this.exec(execId).start();
  }

  async addExec(request: ExecRequest, signal?: AbortSignal): Promise<Exec> {
    return this.#serial.run(async () => {
      if (request.id === this.id || this.#execs.has(request.id)) {
        throw new ShimError(
          "EXEC_EXISTS",
          `cannot create exec "${request.id}" in task "${this.id}": it exists`,
        );
      }
      this.#require("exec");
      this.#requireAwake("exec in");
      const phases = this.#environment.phases("exec", this.id, request.id, signal);
      const upstream = await this.#environment.openStdio(
        { ...request.stdio, namespace: this.#namespace, containerId: this.id, execId: request.id },
        phases,
      );
      const exec = new Exec({
        id: request.id,
        isInit: false,
        terminal: request.stdio.terminal,
        upstream,
        context: this.#context,
      });
      this.#execs.set(request.id, { exec, process: request.process });
      this.#environment.events.execAdded(this, exec);
      return exec;
    });
  }

  /** @param all every process of the task, not only the one named */
  async kill(execId: string, signal: number, all: boolean): Promise<void> {
    const target = this.exec(execId);
    if (all && execId !== "") {
      throw new ShimError(
        "WRONG_STATE",
        `cannot kill exec "${execId}" in task "${this.id}" with all: all is for the init process`,
      );
    }
    if (this.#pause !== "running") await this.#wake(signal);
    if (all) {
      const others = this.processes().filter((exec) => exec !== this.init && exec.state === "running");
      const results = await Promise.allSettled(others.map((exec) => exec.kill(signal)));
      for (const result of results) {
        // That one of them was quicker to end is no error to whoever wanted all of them to end.
        if (result.status === "rejected" && !isGone(result.reason)) {
          this.#environment.report(this, "an exec was not signalled", result.reason);
        }
      }
    }
    await target.kill(signal);
    if (signal === SIGKILL && target === this.init) this.#guardKill();
  }

  /** A frozen process ends by SIGKILL only when it is thawed; anything milder has to wait for Resume. */
  async #wake(signal: number): Promise<void> {
    if (signal !== SIGKILL) {
      throw new ShimError(
        "WRONG_STATE",
        `cannot kill task "${this.id}" with signal ${signal}: it is paused, resume it first`,
      );
    }
    await this.resume();
  }

  /** SIGKILL always ends a task: what it does not achieve in its budget, terminating the container does. */
  #guardKill(): void {
    const guard = async (): Promise<void> => {
      const phases = this.#environment.phases("kill", this.id);
      try {
        await phases.run("container-terminate", (signal) => this.init.wait(signal));
      } catch {
        await this.container.terminate(this.#environment.phases("kill", this.id));
      }
    };
    void guard().catch((error: unknown) =>
      this.#environment.report(this, "a killed container does not end", error),
    );
  }

  async delete(execId: string): Promise<ExitRecord> {
    const target = this.exec(execId);
    if (target !== this.init) {
      const record = await target.finish();
      this.#execs.delete(execId);
      this.#environment.events.deleted(this, target, record);
      return record;
    }
    // Even when the delete is refused: execs that never ran have no future.
    const others = this.processes().filter((exec) => exec !== this.init);
    await Promise.all(others.map((exec) => exec.forceExit(NEVER_RAN)));
    const record = await this.init.finish();
    const phases = this.#environment.phases("delete", this.id);
    await phases.run("teardown", () => this.teardown());
    await this.#remove(phases);
    this.#environment.events.deleted(this, this.init, record);
    return record;
  }

  /** Once: the container's state in the guest, the execs, the journal. */
  #remove(phases: Phases): Promise<void> {
    const remove = async (): Promise<void> => {
      await this.container.remove(phases);
      for (const { exec } of this.#execs.values()) await exec.finish();
      this.#execs.clear();
      this.#journal.close();
      this.#deleted = true;
    };
    this.#removal ??= remove().catch((error: unknown) => {
      this.#removal = undefined;
      throw error;
    });
    return this.#removal;
  }

  /**
   * Releases what the task holds, once its init has exited. One attempt serves all callers; after a failure the next
   * caller makes another.
   */
  teardown(): Promise<void> {
    this.#teardown ??= this.container
      .teardown(this.#environment.phases("exit", this.id))
      .catch((error: unknown) => {
        this.#teardown = undefined;
        throw error;
      });
    return this.#teardown;
  }

  async pause(): Promise<void> {
    await this.#serial.run(async () => {
      this.#require("pause");
      if (this.#pause !== "running") throw this.#wrongState("pause", "it is paused");
      this.#pause = "pausing";
      const phases = this.#environment.phases("pause", this.id);
      try {
        await phases.run("pause", (signal) => this.container.pause(signal));
        this.#pause = "paused";
      } catch (error) {
        this.#pause = "running";
        throw error;
      }
      this.#environment.events.paused(this);
    });
  }

  async resume(): Promise<void> {
    await this.#serial.run(async () => {
      this.#require("resume");
      if (this.#pause !== "paused") throw this.#wrongState("resume", "it is not paused");
      const phases = this.#environment.phases("resume", this.id);
      await phases.run("pause", (signal) => this.container.resume(signal));
      this.#pause = "running";
      this.#environment.events.resumed(this);
    });
  }

  resize(execId: string, size: ConsoleSize): Promise<void> {
    return this.exec(execId).resize(size);
  }

  closeStdin(execId: string): void {
    this.exec(execId).closeStdin();
  }

  async update(
    kind: string,
    resources: unknown,
    annotations: Readonly<Record<string, string>>,
  ): Promise<void> {
    this.#require("update");
    await this.container.update(kind, resources, annotations, this.#environment.phases("update", this.id));
  }

  /**
   * Pids of every process in the container, with those this shim started named. Asks the platform; when that fails
   * or the container has ended, it answers what this shim knows. Never empty: containerd that starts again takes a
   * task without pids for a leak, and deletes it with the exit status nobody has read yet.
   */
  async pids(): Promise<readonly TaskProcess[]> {
    const known = new Map(
      this.processes()
        .filter((exec) => exec.isInit || exec.state === "running" || exec.state === "draining")
        .map((exec) => [exec.pid, exec.id]),
    );
    const listed = this.#isAnswering ? await this.#usage.processes() : undefined;
    const entries: readonly ProcessListEntry[] =
      listed === undefined || listed.length === 0
        ? [...known.keys()].map((ProcessId) => ({ ProcessId }))
        : listed;
    return entries.map((entry) => ({ pid: entry.ProcessId, execId: known.get(entry.ProcessId), entry }));
  }

  /** Usage of the container. Never an error because it is in transition: then the last answer is repeated. */
  async statistics(): Promise<TaskUsage> {
    return this.#isAnswering ? this.#usage.sample() : this.#usage.lastSample;
  }

  /** The guest can be asked about the container. */
  get #isAnswering(): boolean {
    return this.init.state === "running" && this.#pause === "running";
  }

  #require(verb: TaskVerb): void {
    const verdict = TASK_VERDICTS[verb][this.init.state];
    if (verdict !== "ok") throw this.#wrongState(verb, `it is ${EXEC_STATE_WORDS[this.init.state]}`);
  }

  /** A paused guest answers nothing, and a frozen container starts nothing. */
  #requireAwake(verb: string): void {
    if (this.#pause !== "running") throw this.#wrongState(verb, "it is paused");
  }

  #wrongState(verb: string, why: string): ShimError {
    return new ShimError("WRONG_STATE", `cannot ${verb} task "${this.id}": ${why}`);
  }

  #execContext(): ExecContext {
    const environment = this.#environment;
    return {
      taskId: this.id,
      os: this.container.os,
      canSignal: this.container.canSignal,
      now: () => environment.now(),
      phases: (verb, execId) =>
        execId === this.id ? environment.phases(verb, this.id) : environment.phases(verb, this.id, execId),
      launch: (exec, phases) => {
        const streams = {
          stdin: exec.upstream.stdin !== undefined,
          stdout: exec.upstream.stdout !== undefined,
          stderr: exec.upstream.stderr !== undefined,
        };
        if (exec.isInit) return this.container.createInit(streams, phases);
        const registered = this.#execs.get(exec.id);
        if (registered === undefined) throw new TypeError(`exec "${exec.id}" is not registered`);
        if (this.init.state !== "running")
          throw this.#wrongState(`start exec "${exec.id}" in`, "it is not running");
        this.#requireAwake(`start exec "${exec.id}" in`);
        return this.container.createExec(registered.process, streams, phases);
      },
      relay: (process, upstream) => this.#relayFor(process, upstream),
      onStarted: (exec) => {
        if (exec.isInit) {
          this.#journal.started(exec.pid);
          environment.events.started(this, exec.pid);
        } else {
          environment.events.execStarted(this, exec);
        }
      },
      beforeExit: async (exec, status) => {
        await environment.beforeExit();
        return exec.isInit ? this.#beforeInitExit(status) : status;
      },
      onExited: (exec, record) => this.#onExited(exec, record),
      lostStatus: (_exec, cause) => environment.lostStatus(this, cause),
      report: (message, error) => environment.report(this, message, error),
    };
  }

  #relayFor(process: Parameters<ExecContext["relay"]>[0], upstream: UpstreamStdio): OutputRelay {
    const exec = this.processes().find((candidate) => candidate.upstream === upstream);
    if (exec === undefined) throw new TypeError(`no process of task "${this.id}" has this stdio`);
    return this.#environment.relay(exec, process, async () => {
      const pids = await this.#usage.processes();
      // No answer is no news: only a list without the process says that it is gone.
      return pids === undefined || pids.some(({ ProcessId }) => ProcessId === process.processId);
    });
  }

  /** The exit of init is the last of its task, and after what made it happen. */
  async #beforeInitExit(status: number): Promise<number> {
    const others = this.processes().filter((exec) => exec !== this.init && exec.state !== "created");
    const phases = this.#environment.phases("exit", this.id);
    try {
      await phases.run("container-shutdown", (signal) =>
        Promise.all(others.map((exec) => exec.wait(signal))),
      );
    } catch (error) {
      this.#environment.report(this, "execs outlive the init process", error);
    }
    const SIGKILLED = 128 + SIGKILL;
    // Windows refuses memory; only Linux kills for it.
    const isQuestion = this.container.os === "linux" && status === SIGKILLED && !this.init.wasKilled;
    if (isQuestion) await this.#usage.checkOom();
    await this.#environment.beforeInitExit(this);
    return status;
  }

  #onExited(exec: Exec, record: ExitRecord): void {
    if (!exec.isInit) {
      // An exec that never ran has no exit that anybody was told to expect.
      if (record.pid !== 0) this.#environment.events.exited(this, exec, record);
      return;
    }
    this.#journal.exited(record);
    this.#environment.events.exited(this, exec, record);
    this.teardown().catch((error: unknown) =>
      this.#environment.report(this, "teardown failed, Delete will repeat it", error),
    );
  }
}

function isGone(error: unknown): boolean {
  return error instanceof ShimError && error.code === "PROCESS_GONE";
}
