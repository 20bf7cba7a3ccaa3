/**
 * The process: its pods, and what outlives all of them. Holds no pod's state but the table of pods.
 */
import { ShimError } from "../errors.ts";
import type { Options } from "../options/own.ts";
import type { PodEnvironment } from "../pod/environment.ts";
import { Pod } from "../pod/pod.ts";
import type { CreateRequest } from "../pod/request.ts";
import type { TaskEvents } from "../task/environment.ts";
import type { Task } from "../task/task.ts";

export interface ShimInit {
  /** The id it was started for. */
  readonly id: string;
  /** What that task is; undefined where its client did not say (Sandbox API): then it may be either. */
  readonly startedFor?: "sandbox" | "standalone";
  readonly environment: PodEnvironment;
  /** Options of the node and of the runtime. */
  readonly options: Options;
  /** The process may end: nothing is served any more. */
  onIdle(): void;
}

/** A task and the pod it belongs to. */
export interface FoundTask {
  readonly pod: Pod;
  readonly task: Task;
}

export class Shim {
  readonly id: string;
  readonly environment: PodEnvironment;
  readonly options: Options;
  readonly #init: ShimInit;
  /** A pod that is being created has its id, and no pod yet. */
  readonly #pods = new Map<string, Pod | undefined>();
  #wasUsed = false;

  constructor(init: ShimInit) {
    this.id = init.id;
    this.environment = init.environment;
    this.options = init.options;
    this.#init = init;
  }

  pods(): Pod[] {
    return [...this.#pods.values()].filter((pod) => pod !== undefined);
  }

  /** @throws {ShimError} TASK_NOT_FOUND */
  find(id: string): FoundTask {
    for (const pod of this.#pods.values()) {
      const task = pod?.find(id);
      if (pod !== undefined && task !== undefined) return { pod, task };
    }
    throw new ShimError("TASK_NOT_FOUND", `task "${id}"`);
  }

  /** Creates a task: a pod when it is the first of its pod, else a workload in one. */
  async create(request: CreateRequest): Promise<Task> {
    const { identity } = request;
    if (identity.role === "workload")
      return this.#workloadPod(request.id, identity.podId).createWorkload(request);
    this.#checkRole(request);
    return (await this.createPod(request)).sandbox;
  }

  /** @param events where the sandbox's own events go */
  async createPod(request: CreateRequest, events?: TaskEvents): Promise<Pod> {
    const { id, identity } = request;
    if (this.#pods.has(id))
      throw new ShimError("TASK_EXISTS", `cannot create "${id}": a task with this id exists`);
    if (identity.role === "sandbox" && identity.podId !== id) {
      throw new ShimError(
        "IDENTITY_MISMATCH",
        `cannot create "${id}": its spec says that it is the sandbox of pod "${identity.podId}"`,
      );
    }
    this.#wasUsed = true;
    this.#pods.set(id, undefined);
    try {
      const pod = await Pod.create(this.environment, request, events);
      this.#pods.set(id, pod);
      return pod;
    } catch (error) {
      this.#pods.delete(id);
      throw error;
    }
  }

  /** A pod that was taken over from a process that died. */
  inherit(pod: Pod): void {
    this.#wasUsed = true;
    this.#pods.set(pod.id, pod);
  }

  /** A process that was started for a task of its own was not found by its pod, and the other way round. */
  #checkRole({ id, identity: { role } }: CreateRequest): void {
    const { startedFor } = this.#init;
    if (startedFor === undefined || startedFor === role) return;
    throw new ShimError(
      "IDENTITY_MISMATCH",
      `cannot create "${id}": its spec says that it is a ${role} task, and this shim was started for a ${startedFor} one`,
    );
  }

  #workloadPod(id: string, podId: string): Pod {
    const pod = this.#pods.get(podId);
    if (pod !== undefined) return pod;
    throw new ShimError(
      "POD_NOT_RUNNING",
      `cannot create "${id}" in pod "${podId}": this shim has no such pod`,
    );
  }

  /** Something was created in it, successfully or not. */
  get wasUsed(): boolean {
    return this.#wasUsed;
  }

  /** True while anything would be lost if the process ended. */
  get isBusy(): boolean {
    return [...this.#pods.values()].some((pod) => pod === undefined || !pod.isOver);
  }

  /** Shutdown was asked for: ends the process unless something still lives in it. */
  requestShutdown(): void {
    if (!this.isBusy) this.#init.onIdle();
  }
}
