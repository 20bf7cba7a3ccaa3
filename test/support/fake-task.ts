/**
 * A task whose container, processes and relays do what the test says, for testing what tasks make of it. Nothing runs.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConsoleSize, HcsProcess, ProcessExit, ProcessSignal, SignalOutcome } from "../../hcs/api.ts";
import type { GuestProperties } from "../../hcs/guest/properties.ts";
import type { PropertyType } from "../../hcs/schema/properties.ts";
import { readProcess } from "../../oci/spec.ts";
import type { UpstreamStdio } from "../../shim/io/upstream.ts";
import { Phases } from "../../shim/phases/phases.ts";
import { PHASES } from "../../shim/phases/table.ts";
import { Timeline } from "../../shim/phases/timeline.ts";
import { Holdings } from "../../shim/resources/holdings.ts";
import { FileJournal } from "../../shim/resources/journal.ts";
import type { TaskContainer } from "../../shim/task/container.ts";
import { createDeferred } from "../../hcs/deferred.ts";
import type { OutputRelay } from "../../shim/task/exec.ts";
import type { GuestOs } from "../../shim/task/signals.ts";
import { Task } from "../../shim/task/task.ts";
import { ManualClock } from "./manual-clock.ts";

/** A process that ends when told to. */
export class FakeProcess implements HcsProcess {
  readonly processId: number;
  readonly stdio: HcsProcess["stdio"] = {};
  readonly signals: (ProcessSignal | "terminate")[] = [];
  readonly sizes: ConsoleSize[] = [];
  readonly #exited = createDeferred<ProcessExit>();
  /** What signal and terminate answer. */
  outcome: SignalOutcome = "delivered";

  constructor(processId: number) {
    this.processId = processId;
  }

  get exited(): Promise<ProcessExit> {
    return this.#exited.promise;
  }

  exit(exitCode: number): void {
    this.#exited.resolve({ exitCode });
  }

  /** Its end will never be known. */
  lose(error: Error): void {
    this.#exited.reject(error);
  }

  async signal(signal: ProcessSignal): Promise<SignalOutcome> {
    this.signals.push(signal);
    return this.outcome;
  }

  async terminate(): Promise<SignalOutcome> {
    this.signals.push("terminate");
    return this.outcome;
  }

  async resize(size: ConsoleSize): Promise<void> {
    this.sizes.push(size);
  }

  async closeStdin(): Promise<void> {}
  async close(): Promise<void> {}
}

/** A relay that has delivered everything when told so. */
export class FakeRelay implements OutputRelay {
  readonly #drained = createDeferred<void>();
  lifted = false;
  closed = false;

  finish(): void {
    this.#drained.resolve();
  }

  lift(): void {
    this.lifted = true;
  }

  processEnded(): void {}

  drained(): Promise<void> {
    return this.#drained.promise;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

/** A container whose processes are made when the test lets them. */
export class FakeContainer implements TaskContainer {
  os: GuestOs = "linux";
  readonly canSignal: boolean = true;
  readonly calls: string[] = [];
  readonly processes: FakeProcess[] = [];
  properties_: GuestProperties = {};
  wasRefusedMemory?: () => boolean;
  vmUsage?: NonNullable<TaskContainer["vmUsage"]>;
  /** While set, processes are not made before it settles. */
  gate: Promise<void> | undefined;
  /** Thrown by the call of that name, once. */
  readonly failures: Map<string, Error> = new Map();
  #nextPid = 100;

  createInit(): Promise<HcsProcess> {
    return this.#create("createInit");
  }

  createExec(): Promise<HcsProcess> {
    return this.#create("createExec");
  }

  async #create(call: string): Promise<HcsProcess> {
    this.#record(call);
    await this.gate;
    const process = new FakeProcess(this.#nextPid++);
    this.processes.push(process);
    return process;
  }

  async properties(types: PropertyType[]): Promise<GuestProperties> {
    this.#record(`properties ${types.join()}`);
    return this.properties_;
  }

  async update(kind: string): Promise<void> {
    this.#record(`update ${kind}`);
  }

  async pause(): Promise<void> {
    this.#record("pause");
  }

  async resume(): Promise<void> {
    this.#record("resume");
  }

  async terminate(): Promise<void> {
    this.#record("terminate");
  }

  async teardown(): Promise<void> {
    this.#record("teardown");
  }

  async remove(): Promise<void> {
    this.#record("remove");
  }

  #record(call: string): void {
    this.calls.push(call);
    const failure = this.failures.get(call);
    if (failure === undefined) return;
    this.failures.delete(call);
    throw failure;
  }
}

export interface FakeTaskOptions {
  readonly terminal?: boolean;
  readonly beforeInitExit?: () => Promise<void>;
}

/** A task, and everything around it. Dispose of it after the test. */
export class FakeTask implements Disposable {
  readonly container: FakeContainer = new FakeContainer();
  readonly clock: ManualClock = new ManualClock();
  /** Events in the order they were reported: `exited web 0`. */
  readonly events: string[] = [];
  readonly reports: string[] = [];
  readonly relays: FakeRelay[] = [];
  readonly task: Task;
  readonly #directory = mkdtempSync(join(tmpdir(), "fake-task-"));

  constructor(options: FakeTaskOptions = {}) {
    const place = {
      bundle: this.#directory,
      stateDirectory: join(this.#directory, "state"),
      namespace: "test",
      id: "web",
    };
    const journal = FileJournal.open(place);
    const timeline = new Timeline();
    const event = (...words: (string | number)[]): void => void this.events.push(words.join(" "));
    this.task = new Task({
      id: "web",
      namespace: "test",
      bundle: this.#directory,
      terminal: options.terminal ?? false,
      upstream: fakeUpstream(),
      container: this.container,
      journal,
      holdings: new Holdings(journal),
      environment: {
        events: {
          started: (_task, pid) => event("started", pid),
          execAdded: (_task, { id }) => event("exec-added", id),
          execStarted: (_task, { id, pid }) => event("exec-started", id, pid),
          exited: (_task, { id }, { status }) => event("exited", id, status),
          deleted: (_task, { id }, { status }) => event("deleted", id, status),
          oom: () => event("oom"),
          paused: () => event("paused"),
          resumed: () => event("resumed"),
        },
        now: () => this.clock.now(),
        phases: (verb, task, exec, signal) =>
          new Phases(
            { clock: this.clock, timeline, budgetMs: (phase) => PHASES[phase].budgetMs },
            { verb, task, ...(exec === undefined ? {} : { exec }) },
            signal,
          ),
        openStdio: async () => fakeUpstream(),
        relay: () => {
          const relay = new FakeRelay();
          this.relays.push(relay);
          return relay;
        },
        beforeExit: () => Promise.resolve(),
        beforeInitExit: () => options.beforeInitExit?.() ?? Promise.resolve(),
        lostStatus: () => 0xffff_ffff,
        report: (_task, message) => void this.reports.push(message),
      },
    });
  }

  /** The process that was made `index`th. */
  process(index: number): FakeProcess {
    const found = this.container.processes[index];
    if (found === undefined) throw new Error(`no process ${index} was made`);
    return found;
  }

  relay(index: number): FakeRelay {
    const found = this.relays[index];
    if (found === undefined) throw new Error(`no relay ${index} was made`);
    return found;
  }

  async addExec(id: string, terminal = false): Promise<void> {
    const process = readProcess({ args: ["true"] }, "/process");
    await this.task.addExec({ id, process, stdio: { stdin: "", stdout: "", stderr: "", terminal } });
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function fakeUpstream(): UpstreamStdio {
  return {
    paths: { stdin: "", stdout: "", stderr: "" },
    closeStdin: () => undefined,
    close: async () => undefined,
  };
}
