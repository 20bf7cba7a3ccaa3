/**
 * A task: one container with its init process and execs. Serves the Task calls for its id; the pod above decides
 * who it lives with.
 */
import type { ConsoleSize } from "../../hcs/api.ts";
import { isOutOfMemory } from "../../hcs/exit-codes.ts";
import type { ProcessListEntry } from "../../hcs/schema/properties.ts";
import type { Process } from "../../oci/spec.ts";
import { ShimError } from "../errors.ts";
import type { StdioRequest, UpstreamStdio } from "../io/upstream.ts";
import type { Phases } from "../phases/phases.ts";
import type { Holdings } from "../resources/holdings.ts";
import type { Journal } from "../resources/journal.ts";
import { Attempt } from "./attempt.ts";
import type { TaskContainer, TaskUsage } from "./container.ts";
import type { TaskEnvironment, TaskInit } from "./environment.ts";
import { Exec, NEVER_RAN, type ExecContext, type ExitRecord, type OutputRelay } from "./exec.ts";
import { Pausing } from "./pausing.ts";
import { Serial } from "./serial.ts";
import { SIGKILL } from "./signals.ts";
import { EXEC_STATE_WORDS, EXEC_STATUS, TASK_VERDICTS, type TaskVerb } from "./states.ts";
import { Usage } from "./usage.ts";

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
  readonly #pausing: Pausing;
  readonly #teardown: Attempt;
  readonly #removal = new Attempt(() => this.#remove());
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
    this.#pausing = new Pausing({
      taskId: init.id,
      container: init.container,
      serial: this.#serial,
      phases: (verb) => init.environment.phases(verb, init.id),
      require: (verb) => this.#require(verb),
      onPaused: () => init.environment.events.paused(this),
      onResumed: () => init.environment.events.resumed(this),
    });
    this.#teardown = new Attempt(() => init.container.teardown(init.environment.phases("exit", init.id)));
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
    if (status !== "RUNNING" || this.#pausing.isAwake) return { exec, status };
    return { exec, status: this.#pausing.state === "paused" ? "PAUSED" : "PAUSING" };
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
      this.#pausing.requireAwake("exec in");
      const phases = this.#environment.phases("exec", this.id, request.id, signal);
      const exec = await this.#register(request, phases);
      this.#environment.events.execAdded(this, exec);
      return exec;
    });
  }

  async #register({ id, process, stdio }: ExecRequest, phases: Phases): Promise<Exec> {
    const upstream = await this.#environment.openStdio(
      { ...stdio, namespace: this.#namespace, containerId: this.id, execId: id },
      phases,
    );
    const exec = new Exec({ id, isInit: false, terminal: stdio.terminal, upstream, context: this.#context });
    this.#execs.set(id, { exec, process });
    return exec;
  }

  /** An exec that an earlier shim had. Nobody is told of it again. */
  inheritExec(request: ExecRequest): Promise<Exec> {
    return this.#register(request, this.#environment.phases("exec", this.id, request.id));
  }

  /** The exit of a process that ended under an earlier shim. @param isTold the world knows of it */
  inheritExit(exec: Exec, record: ExitRecord, isTold: boolean): void {
    exec.adoptExit(record);
    if (!isTold) this.#onExited(exec, record);
    else if (exec.isInit) this.#beginTeardown();
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
    await this.#pausing.wakeFor(signal);
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
    await this.#removal.run();
    this.#environment.events.deleted(this, this.init, record);
    return record;
  }

  /** The container's state in the guest, the execs, the journal. */
  async #remove(): Promise<void> {
    await this.container.remove(this.#environment.phases("delete", this.id));
    for (const { exec } of this.#execs.values()) await exec.finish();
    this.#execs.clear();
    this.#journal.close();
    this.#deleted = true;
  }

  /** Releases what the task holds, once its init has exited. */
  teardown(): Promise<void> {
    return this.#teardown.run();
  }

  pause(): Promise<void> {
    return this.#pausing.pause();
  }

  resume(): Promise<void> {
    return this.#pausing.resume();
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
    return this.init.state === "running" && this.#pausing.isAwake;
  }

  #require(verb: TaskVerb): void {
    const verdict = TASK_VERDICTS[verb][this.init.state];
    if (verdict !== "ok") throw this.#wrongState(verb, `it is ${EXEC_STATE_WORDS[this.init.state]}`);
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
        this.#pausing.requireAwake(`start exec "${exec.id}" in`);
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
    // Linux kills for memory. Windows refuses it: whether the process went on without is in its status.
    const isQuestion = this.container.os === "linux" && status === SIGKILLED && !this.init.wasKilled;
    if (isQuestion) await this.#usage.checkOom();
    if (!this.init.wasKilled && this.#wasRefusedMemory(status)) this.#environment.events.oom(this);
    await this.#environment.beforeInitExit(this);
    return status;
  }

  #wasRefusedMemory(status: number): boolean {
    const saysSo = this.container.os === "windows" && isOutOfMemory(status);
    return saysSo || (status !== 0 && this.container.wasRefusedMemory?.() === true);
  }

  #onExited(exec: Exec, record: ExitRecord): void {
    if (!exec.isInit) {
      // An exec that never ran has no exit that anybody was told to expect.
      if (record.pid !== 0) this.#environment.events.exited(this, exec, record);
      return;
    }
    this.#journal.exited(record);
    this.#environment.events.exited(this, exec, record);
    this.#beginTeardown();
  }

  #beginTeardown(): void {
    this.teardown().catch((error: unknown) =>
      this.#environment.report(this, "teardown failed, Delete will repeat it", error),
    );
  }
}

function isGone(error: unknown): boolean {
  return error instanceof ShimError && error.code === "PROCESS_GONE";
}
