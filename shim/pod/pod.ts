/**
 * A pod: the one owner of a utility VM, its sandbox task and the tasks of its workloads. A task that is not part of a
 * Kubernetes pod is a pod of its own, with nothing but a sandbox task.
 */
import { AnnotationReader } from "../../oci/annotations/read.ts";
import { linuxVmDocument, linuxVmOptions, type LinuxVmHost } from "../../oci/documents/linux-vm.ts";
import type { ComputeSystemDocument } from "../../hcs/schema/compute-system.ts";
import { messageOf, ShimError } from "../errors.ts";
import type { LogFields } from "../log/logger.ts";
import type { Phases } from "../phases/phases.ts";
import type { Holdings } from "../resources/holdings.ts";
import { EXEC_STATE_WORDS } from "../task/states.ts";
import { NEVER_RAN, type ExitRecord } from "../task/exec.ts";
import { SIGKILL } from "../task/signals.ts";
import type { Task, TaskEvents } from "../task/task.ts";
import { createTask, type PhasesOf } from "./create-task.ts";
import type { PodEnvironment } from "./environment.ts";
import { LinuxContainer, type LinuxContainerInit } from "./linux-container.ts";
import type { PodNetwork } from "./network.ts";
import type { CreateRequest } from "./request.ts";
import { ownerRole, workloadRole } from "./roles.ts";
import { ShareNames } from "./shares.ts";
import { Uvm } from "./uvm.ts";

/** Directory of the bundle where the root file system is mounted. */
const ROOTFS = "rootfs";

export class Pod {
  readonly id: string;
  readonly #environment: PodEnvironment;
  readonly #events: TaskEvents;
  readonly #shareNames = new ShareNames();
  /** A workload that is being created has its id, and no task yet. */
  readonly #workloads = new Map<string, Task | undefined>();
  #uvm: Uvm | undefined;
  #sandbox: Task | undefined;

  /**
   * Creates the pod out of the request for its sandbox (or for a task of its own): VM, network, container. On failure
   * nothing is left.
   *
   * @param events where the sandbox task reports; workloads report to the environment's
   */
  static async create(
    environment: PodEnvironment,
    request: CreateRequest,
    events: TaskEvents = environment.events,
  ): Promise<Pod> {
    const pod = new Pod(environment, request.id, events);
    await pod.#createSandbox(request);
    return pod;
  }

  private constructor(environment: PodEnvironment, id: string, events: TaskEvents) {
    this.id = id;
    this.#environment = environment;
    this.#events = events;
  }

  get sandbox(): Task {
    if (this.#sandbox === undefined) throw new TypeError(`pod "${this.id}" has no sandbox`);
    return this.#sandbox;
  }

  /** The document its VM was made of. */
  get document(): ComputeSystemDocument | undefined {
    return this.#uvm?.document;
  }

  get uvm(): Uvm | undefined {
    return this.#uvm;
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

  async createWorkload(request: CreateRequest): Promise<Task> {
    this.#admit(request);
    this.#workloads.set(request.id, undefined);
    try {
      const uvm = this.#requireUvm(request.id);
      const task = await createTask(
        this.#environment,
        request,
        this.#surroundings(this.#environment.events),
        (holdings, phasesOf) =>
          LinuxContainer.create(
            this.#containerInit(request, uvm, holdings, undefined),
            workloadRole(request.id, uvm),
            phasesOf("create"),
          ),
      );
      this.#workloads.set(request.id, task);
      return task;
    } catch (error) {
      this.#workloads.delete(request.id);
      throw error;
    }
  }

  /** One check per row: what a workload must be to get into this pod. */
  #admit(request: CreateRequest): void {
    const { id, identity } = request;
    const refuse = (code: ConstructorParameters<typeof ShimError>[0], why: string): never => {
      throw new ShimError(code, `cannot create "${id}" in pod "${this.id}": ${why}`);
    };
    if (id === this.id) refuse("TASK_EXISTS", "the id is that of the pod's sandbox");
    const { state } = this.sandbox.init;
    if (state !== "running") refuse("POD_NOT_RUNNING", `the sandbox is ${EXEC_STATE_WORDS[state]}`);
    if (this.#workloads.has(id)) refuse("TASK_EXISTS", "a task with this id exists");
    if (identity.role !== "workload")
      refuse("IDENTITY_MISMATCH", `its spec says that it is a ${identity.role}`);
    else if (identity.podId !== this.id)
      refuse("IDENTITY_MISMATCH", `its spec says that it belongs to pod "${identity.podId}"`);
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
    if (execId === "" && task !== this.sandbox) this.#workloads.delete(task.id);
    return record;
  }

  async #createSandbox(request: CreateRequest): Promise<void> {
    const podNetwork = podNetworkOf(request);
    this.#sandbox = await createTask(
      this.#environment,
      request,
      this.#surroundings(this.#events),
      async (holdings, phasesOf) => {
        const phases = phasesOf("create");
        const uvm = await this.#createVm(request, holdings, phasesOf);
        const init = this.#containerInit(request, uvm, holdings, podNetwork);
        return LinuxContainer.create(
          init,
          ownerRole(uvm, (exit) => this.#stopWorkloads(exit)),
          phases,
        );
      },
    );
    void this.#uvm?.ended.then(({ expected }) => (expected ? undefined : this.#onVmLost()));
  }

  /** What runs in a lost VM ends by itself; what never ran has to be told. */
  async #onVmLost(): Promise<void> {
    const processes = this.tasks().flatMap((task) => task.processes());
    await Promise.all(processes.map((exec) => exec.forceExit(NEVER_RAN)));
  }

  async #createVm(request: CreateRequest, holdings: Holdings, phasesOf: PhasesOf): Promise<Uvm> {
    const { backend, logger, owner } = this.#environment;
    const id = `${request.id}@vm`;
    const document = this.#vmDocument(request, owner);
    const uvm = await holdings.acquire(
      { kind: "vm", key: `vm:${id}`, data: { id } },
      () =>
        Uvm.create(
          {
            id,
            document,
            backend,
            guestLog: {
              onRecord: ({ level, message, fields }) =>
                logger.log(level === "warning" ? "warn" : level, message, {
                  uvm: id,
                  ...plainFields(fields),
                }),
              onTerminated: (text) => logger.error("the guest ended with a message", { uvm: id, text }),
            },
            report: (message, error) => this.#report(message, error),
          },
          phasesOf("create"),
        ),
      async () => this.#uvm?.close(phasesOf("exit")),
    );
    this.#uvm = uvm;
    await uvm.start(phasesOf("create"));
    return uvm;
  }

  #vmDocument(request: CreateRequest, owner: string): ComputeSystemDocument {
    const { host, logger } = this.#environment;
    const { directory, files } = host.linuxBootFiles;
    const vmHost: LinuxVmHost = {
      build: host.build,
      logicalProcessors: host.logicalProcessors,
      bootDirectory: request.options.linuxBootFiles || directory,
      bootFiles: files,
    };
    const reader = new AnnotationReader(request.spec.annotations);
    const options = linuxVmOptions(reader, request.spec.windows?.resources ?? {}, vmHost, "info");
    for (const { at, message, value } of reader.warnings)
      logger.warn("annotation was not followed", { task: request.id, at, message, value });
    return linuxVmDocument(options, vmHost, owner);
  }

  #containerInit(
    request: CreateRequest,
    uvm: Uvm,
    holdings: Holdings,
    podNetwork: PodNetwork | undefined,
  ): LinuxContainerInit {
    const { storage, network } = this.#environment.backend;
    return {
      id: request.id,
      spec: request.spec,
      rootfsTarget: `${request.bundle}/${ROOTFS}`,
      rootfs: request.rootfs,
      uvm,
      shareNames: this.#shareNames,
      holdings,
      storage,
      network,
      podNetwork,
    };
  }

  #surroundings(events: TaskEvents): Parameters<typeof createTask>[2] {
    return {
      events,
      beforeInitExit: async (task) => {
        if (task === this.#sandbox) await this.#awaitLostWorkloads();
      },
      isVmEndExpected: () => this.#uvm?.state === "closing" || this.#uvm?.state === "closed",
      isVmGone: () => this.#uvm === undefined || !this.#uvm.isAlive,
    };
  }

  /** Workloads end before their VM is closed, each with a status of its own. */
  async #stopWorkloads(phases: Phases): Promise<void> {
    const live = this.#workloadTasks().filter(
      ({ init }) => init.state === "running" || init.state === "draining",
    );
    if (live.length === 0 || this.#uvm?.isAlive !== true) return;
    try {
      await phases.run("workloads-stop", async (signal) => {
        await Promise.allSettled(live.map((task) => task.kill("", SIGKILL, true)));
        await Promise.all(live.map((task) => task.init.wait(signal)));
      });
    } catch (error) {
      this.#report("workloads outlive their sandbox, they end with their VM", error);
    }
  }

  /** When the VM is lost, workloads report their end before the sandbox does. */
  async #awaitLostWorkloads(): Promise<void> {
    if (this.#uvm?.isAlive === true) return;
    const started = this.#workloadTasks().filter(({ init }) => init.state !== "created");
    await Promise.all(started.map((task) => task.init.wait()));
  }

  #workloadTasks(): Task[] {
    return [...this.#workloads.values()].filter((task) => task !== undefined);
  }

  #requireUvm(id: string): Uvm {
    if (this.#uvm?.isAlive === true) return this.#uvm;
    throw new ShimError("VM_LOST", `cannot create "${id}" in pod "${this.id}": its VM is gone`);
  }

  #report(message: string, error: unknown): void {
    this.#environment.logger.warn(message, { sandbox: this.id, error: messageOf(error) });
  }
}

/**
 * The network of a sandbox: on Windows the id of a compute network namespace, on Linux the path of a network namespace
 * that the client made. A namespace without a path is the container's own affair.
 */
function podNetworkOf({ spec, dns }: CreateRequest): PodNetwork | undefined {
  const reference =
    spec.windows?.networkNamespace ?? spec.linux?.namespaces.find(({ type }) => type === "network")?.path;
  return reference === undefined ? undefined : { reference, ...(dns === undefined ? {} : { dns }) };
}

function isGone(error: unknown): boolean {
  return error instanceof ShimError && (error.code === "PROCESS_GONE" || error.code === "TASK_NOT_FOUND");
}

/** Fields of a guest's log line, as fields of ours. */
function plainFields(fields: Readonly<Record<string, unknown>>): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      typeof value === "string" || typeof value === "number" || typeof value === "boolean"
        ? value
        : JSON.stringify(value),
    ]),
  );
}
