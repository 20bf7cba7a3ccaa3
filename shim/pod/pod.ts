/**
 * A pod: the one owner of what isolates it, its sandbox task and the tasks of its workloads. A task that is not part of a
 * Kubernetes pod is a pod of its own, with nothing but a sandbox task.
 */
import type { BoundaryLevel } from "../../oci/boundary/levels.ts";
import type { ComputeSystemDocument } from "../../hcs/schema/compute-system.ts";
import { messageOf, ShimError } from "../errors.ts";
import { Phases } from "../phases/phases.ts";
import type { Holdings } from "../resources/holdings.ts";
import { EXEC_STATE_WORDS } from "../task/states.ts";
import { NEVER_RAN, type ExitRecord } from "../task/exec.ts";
import { SIGKILL } from "../task/signals.ts";
import type { TaskEvents } from "../task/environment.ts";
import type { Task } from "../task/task.ts";
import type { AgentAddress } from "./agent/agents.ts";
import { sendCrashNotice } from "./crash-notice.ts";
import { podContainers, type HostShare, type PodContainers } from "./containers.ts";
import { createTask } from "./create-task.ts";
import { EndedContainer } from "./ended-container.ts";
import type { PodEnvironment } from "./environment.ts";
import { inheritEnds, inheritProcesses, requireInheritable, type InheritedTask } from "./inheritance.ts";
import { joinedRequest } from "./join.ts";
import type { CreateRequest } from "./request.ts";
import { inVm, onMachine, requireVm, runHostCommand, type HostCommand } from "./host-command.ts";
import type { Uvm } from "./vm/uvm.ts";

/** Where CRI says which image a container is made of. */
const IMAGE_ANNOTATION = "io.kubernetes.cri.image-name";

const NO_STDIO: CreateRequest["stdio"] = { stdin: "", stdout: "", stderr: "" };

/** Lines of the guest's log that go with the word of its crash. */
const CRASH_LINES = 20;

export class Pod {
  readonly id: string;
  readonly #request: CreateRequest;
  readonly #environment: PodEnvironment;
  readonly #events: TaskEvents;
  readonly #containers: PodContainers;
  /** A workload that is being created has its id, and no task yet. */
  readonly #workloads = new Map<string, Task | undefined>();
  readonly #images = new Map<string, string>();
  #sandbox: Task | undefined;
  #crashTold: Promise<void> | undefined;

  /**
   * Creates the pod out of the request for its sandbox (or for a task of its own), with all that isolates it. On failure
   * nothing is left.
   *
   * @param events where the sandbox task reports; workloads report to the environment's
   */
  static async create(
    environment: PodEnvironment,
    request: CreateRequest,
    events: TaskEvents = environment.events,
  ): Promise<Pod> {
    requirePodHost(environment.host.build, request);
    const pod = new Pod(environment, request, events);
    pod.#noteImage(request);
    await pod.#createSandbox(request);
    return pod;
  }

  /**
   * Takes a pod over from a process that died: what runs goes on, and what cannot be found again ends, each exit told once.
   *
   * @param tasks what the process had, the sandbox first
   */
  static async takeOver(
    environment: PodEnvironment,
    tasks: readonly [InheritedTask, ...InheritedTask[]],
  ): Promise<Pod> {
    const [{ request }] = tasks;
    const pod = new Pod(environment, request, environment.events);
    for (const task of tasks) pod.#noteImage(task.request);
    try {
      await pod.#inherit(tasks);
      return pod;
    } catch (error) {
      environment.logger.error("the pod ends with the process that had it", {
        sandbox: request.id,
        error: messageOf(error),
      });
      await pod.uvm?.close(pod.#phases("exit")).catch((second: unknown) => {
        pod.#report("its VM is left to whoever cleans up", second);
      });
      const ended = new Pod(environment, request, environment.events);
      await ended.#inheritEnds(tasks);
      return ended;
    }
  }

  private constructor(environment: PodEnvironment, request: CreateRequest, events: TaskEvents) {
    const { id, isolation } = request;
    this.id = id;
    this.#request = request;
    this.#environment = environment;
    this.#events = events;
    this.#containers = podContainers(isolation, {
      id,
      environment,
      stopWorkloads: (phases) => this.#stopWorkloads(phases),
      report: (message, error) => this.#report(message, error),
    });
  }

  get sandbox(): Task {
    if (this.#sandbox === undefined) throw new TypeError(`pod "${this.id}" has no sandbox`);
    return this.#sandbox;
  }

  /** The document its VM was made of. */
  get document(): ComputeSystemDocument | undefined {
    return this.uvm?.document;
  }

  get uvm(): Uvm | undefined {
    return this.#containers.uvm;
  }

  /** Where the agent of a container listens; undefined for one that has none. */
  agentOf(id: string): AgentAddress | undefined {
    return this.#containers.agents?.find(id);
  }

  get boundaryLevel(): BoundaryLevel {
    return this.#request.options.boundaryLevel;
  }

  /** Reference of a task's image; empty where its spec names none. */
  imageOf(id: string): string {
    return this.#images.get(id) ?? "";
  }

  /** The sandbox first. */
  tasks(): Task[] {
    return [this.sandbox, ...this.#workloadTasks()];
  }

  /** @returns undefined when the pod has no such task */
  find(id: string): Task | undefined {
    return id === this.id ? this.#sandbox : this.#workloads.get(id);
  }

  /** Nothing of it is left but records. */
  get isOver(): boolean {
    return this.sandbox.isDeleted && this.#workloads.size === 0;
  }

  async createWorkload(wanted: CreateRequest): Promise<Task> {
    const request = this.#admit(wanted);
    this.#workloads.set(request.id, undefined);
    try {
      this.#requireLivePod(request.id);
      const task = await createTask(
        this.#environment,
        request,
        this.#surroundings(this.#environment.events),
        (holdings, phasesOf) => this.#containers.createWorkload(request, { holdings, phasesOf }),
      );
      this.#workloads.set(request.id, task);
      this.#noteImage(request);
      return task;
    } catch (error) {
      this.#workloads.delete(request.id);
      throw error;
    }
  }

  #noteImage({ id, spec }: CreateRequest): void {
    const image = spec.annotations[IMAGE_ANNOTATION];
    if (image !== undefined) this.#images.set(id, image);
  }

  /** One check per row: what a workload must be to get into this pod. @returns it with what it takes over from the pod */
  #admit(request: CreateRequest): CreateRequest {
    const { id, identity } = request;
    const refuse = (code: ConstructorParameters<typeof ShimError>[0], why: string): never => {
      throw new ShimError(code, `cannot create "${id}" in pod "${this.id}": ${why}`);
    };
    if (id === this.id) refuse("TASK_EXISTS", "the id is that of the pod's sandbox");
    const { state } = this.sandbox.init;
    if (state !== "running") refuse("POD_NOT_RUNNING", `the sandbox is ${EXEC_STATE_WORDS[state]}`);
    if (this.#workloads.has(id)) refuse("TASK_EXISTS", "a task with this id exists");
    const joined = joinedRequest(this.#request, request, this.uvm);
    if (identity.role !== "workload")
      refuse("IDENTITY_MISMATCH", `its spec says that it is a ${identity.role}`);
    else if (identity.podId !== this.id)
      refuse("IDENTITY_MISMATCH", `its spec says that it belongs to pod "${identity.podId}"`);
    return joined;
  }

  /** `all` on the sandbox means the whole pod. */
  async kill(task: Task, execId: string, signal: number, all: boolean): Promise<void> {
    if (task !== this.sandbox || !all || execId !== "") return task.kill(execId, signal, all);
    const results = await Promise.allSettled(
      this.#workloadTasks().map((workload) => workload.kill("", signal, true)),
    );
    for (const result of results) {
      // A workload that was quicker to end is no failure of a request to end all.
      if (result.status === "rejected" && !isGone(result.reason))
        this.#report("a workload was not signalled", result.reason);
    }
    await task.kill("", signal, true);
  }

  /** A deleted workload is forgotten; the sandbox keeps answering until the shim ends. */
  async delete(task: Task, execId: string): Promise<ExitRecord> {
    const record = await task.delete(execId);
    if (execId === "" && task !== this.sandbox) {
      this.#workloads.delete(task.id);
      this.#images.delete(task.id);
    }
    return record;
  }

  /**
   * Runs a program until it has ended, or the caller has gone: in the VM itself, or on this machine when the pod has none.
   *
   * @returns its exit code
   * @throws {ShimError} VM_LOST, GUEST_COMMAND_FAILED, UNSUPPORTED
   */
  runProgram(command: HostCommand, signal: AbortSignal): Promise<number> {
    const start = this.uvm === undefined ? onMachine : inVm(this.uvm);
    return runHostCommand(start, command, this.#environment, this.id, this.#phases("diag-exec"), signal);
  }

  /** Brings a directory or file of the host into the VM, until the VM ends. @throws {ShimError} NOT_ISOLATED */
  async shareIntoVm(share: HostShare): Promise<void> {
    requireVm(this.uvm, this.id, `share "${share.hostPath}" with`);
    const { holdings } = this.sandbox;
    await this.#containers.shareIntoVm?.(share, { holdings, phasesOf: (verb) => this.#phases(verb) });
  }

  /** Stacks of the agent in the VM; empty where it cannot tell. */
  guestStacks(uvm: Uvm): Promise<string> {
    return this.#phases("diag-stacks").run("stacks", (signal) => uvm.guest.dumpStacks({ signal }));
  }

  async #createSandbox(request: CreateRequest): Promise<void> {
    const stdio = this.#containers.sandboxHasProcess(request) ? {} : { stdio: NO_STDIO, terminal: false };
    this.#sandbox = await createTask(
      this.#environment,
      { ...request, ...stdio },
      this.#surroundings(this.#events),
      (holdings, phasesOf) => this.#containers.createSandbox(request, { holdings, phasesOf }),
    );
    void this.uvm?.ended.then((end) => (end.expected ? undefined : this.#onVmLost(end.reason)));
  }

  async #inherit([sandbox, ...workloads]: readonly [InheritedTask, ...InheritedTask[]]): Promise<void> {
    requireInheritable(sandbox);
    this.#sandbox = await this.#inheritTask(sandbox, (holdings, phasesOf) =>
      this.#containers.createSandbox(sandbox.request, { holdings, phasesOf }),
    );
    const inherited: (readonly [Task, InheritedTask])[] = [[this.#sandbox, sandbox]];
    for (const workload of workloads) {
      const { request, facts } = workload;
      const task = await this.#inheritTask(workload, (holdings, phasesOf) => {
        if (facts.init.exit !== undefined) return this.#endedContainer(request, holdings);
        requireInheritable(workload);
        return this.#containers.createWorkload(request, { holdings, phasesOf });
      });
      this.#workloads.set(request.id, task);
      inherited.push([task, workload]);
    }
    this.uvm?.adopted();
    void this.uvm?.ended.then((end) => (end.expected ? undefined : this.#onVmLost(end.reason)));
    for (const [task, { facts }] of inherited) {
      if (facts.init.exit === undefined) task.holdings.endInheritance();
      await inheritProcesses(task, facts);
    }
  }

  /** Nothing of the pod runs any more. Workloads report their end before the sandbox does. */
  async #inheritEnds([sandbox, ...workloads]: readonly [InheritedTask, ...InheritedTask[]]): Promise<void> {
    const end = async (inherited: InheritedTask, add: (task: Task) => void): Promise<void> => {
      const task = await this.#inheritTask(inherited, (holdings) =>
        this.#endedContainer(inherited.request, holdings),
      );
      add(task);
      await inheritEnds(task, inherited.facts, this.#environment.clock.now());
    };
    for (const workload of workloads) await end(workload, (task) => void this.#workloads.set(task.id, task));
    await end(sandbox, (task) => (this.#sandbox = task));
  }

  /** Its client's stdio may be gone with the process that had it: what ended needs none. */
  #inheritTask(
    { request, held }: InheritedTask,
    createContainer: Parameters<typeof createTask>[3],
  ): Promise<Task> {
    return createTask(
      this.#environment,
      request,
      this.#surroundings(this.#environment.events),
      createContainer,
      held,
    );
  }

  async #endedContainer({ id }: CreateRequest, holdings: Holdings): Promise<EndedContainer> {
    const { takeover } = this.#environment;
    if (takeover === undefined) throw new TypeError(`task "${id}" is not taken over`);
    return new EndedContainer(id, holdings, takeover.reclaimers);
  }

  /** What runs in a lost VM ends by itself; what never ran has to be told. */
  async #onVmLost(reason: string): Promise<void> {
    this.#crashTold ??= this.#tellCrash(reason);
    await this.#crashTold;
    const processes = this.tasks().flatMap((task) => task.processes());
    await Promise.all(processes.map((exec) => exec.forceExit(NEVER_RAN)));
  }

  /** Logs the crash, and tells whoever wants to know. Never rejects. */
  async #tellCrash(reason: string): Promise<void> {
    const { logger, namespace, clock } = this.#environment;
    const tasks = this.tasks().map(({ id }) => id);
    const vm = this.uvm?.id ?? "";
    logger.error("vm crashed", { sandbox: this.id, uvm: vm, tasks: tasks.join(","), reason });
    const listener = this.#request.options.vmCrashedListener;
    if (listener === "") return;
    const at = new Date(clock.now()).toISOString();
    const log = (this.uvm?.logTail() ?? []).slice(-CRASH_LINES).map(({ text }) => text);
    try {
      await this.#phases("crash").run("crash-notice", (signal) =>
        sendCrashNotice(
          listener,
          { event: "vm crashed", namespace, pod: this.id, vm, reason, tasks, log, at },
          signal,
        ),
      );
    } catch (error) {
      this.#report("the listener for crashed VMs was not told", error);
    }
  }

  #phases(verb: string): Phases {
    const { clock, timeline, aroundPhase } = this.#environment;
    const { options } = this.#request;
    return new Phases(
      { clock, timeline, budgetMs: (phase) => options.budgetMs(phase), around: aroundPhase },
      { verb, task: this.id },
    );
  }

  #surroundings(events: TaskEvents): Parameters<typeof createTask>[2] {
    return {
      events,
      beforeExit: async () => {
        // What ended with the VM may be told of before the VM's own end is.
        if (this.uvm?.state === "lost") await this.uvm.ended;
        await this.#crashTold;
      },
      beforeInitExit: async (task) => {
        if (task === this.#sandbox) await this.#awaitLostWorkloads();
      },
      isVmEndExpected: () => this.uvm?.state === "closing" || this.uvm?.state === "closed",
      isVmGone: () => this.uvm === undefined || !this.uvm.isAlive,
    };
  }

  /** Workloads end before their VM is closed, each with a status of its own. */
  async #stopWorkloads(phases: Phases): Promise<void> {
    const live = this.#workloadTasks().filter(
      ({ init }) => init.state === "running" || init.state === "draining",
    );
    if (live.length === 0 || this.#isLost) return;
    try {
      await phases.run("workloads-stop", async (signal) => {
        // For what cannot be signalled there is nothing to wait: it ends with the VM.
        const ends = live.map(async (task) => {
          await task.kill("", SIGKILL, true);
          await task.init.wait(signal);
        });
        const failed = (await Promise.allSettled(ends)).find(({ status }) => status === "rejected");
        if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
      });
    } catch (error) {
      this.#report("workloads outlive their sandbox, they end with their VM", error);
    }
  }

  /** When the VM is lost, workloads report their end before the sandbox does. */
  async #awaitLostWorkloads(): Promise<void> {
    if (!this.#isLost) return;
    const started = this.#workloadTasks().filter(({ init }) => init.state !== "created");
    await Promise.all(started.map((task) => task.init.wait()));
  }

  #workloadTasks(): Task[] {
    return [...this.#workloads.values()].filter((task) => task !== undefined);
  }

  #requireLivePod(id: string): void {
    if (this.#isLost)
      throw new ShimError("VM_LOST", `cannot create "${id}" in pod "${this.id}": its VM is gone`);
  }

  /** It had a VM, which is gone. */
  get #isLost(): boolean {
    return this.uvm?.isAlive === false;
  }

  #report(message: string, error: unknown): void {
    this.#environment.logger.warn(message, { sandbox: this.id, error: messageOf(error) });
  }
}

function isGone(error: unknown): boolean {
  return error instanceof ShimError && (error.code === "PROCESS_GONE" || error.code === "TASK_NOT_FOUND");
}

/** The first Windows that can put several containers into one network namespace. */
const POD_BUILD = 17_763;

function requirePodHost(build: number, { id, identity }: CreateRequest): void {
  if (identity.role === "standalone" || build >= POD_BUILD) return;
  throw new ShimError(
    "HOST_OUTDATED",
    `cannot create pod "${id}": pods need Windows build ${POD_BUILD} or later (found ${build})`,
  );
}
