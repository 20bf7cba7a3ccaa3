/**
 * Pods of HostProcess containers in process isolation: a sandbox without a process, and jobs on the host.
 */
import type { TaskContainer } from "../../task/container.ts";
import { ShimError } from "../../errors.ts";
import type { CreateContext, PodContainers, PodView } from "../containers.ts";
import type { CreateRequest } from "../request.ts";
import { JobContainer } from "./container.ts";
import { SandboxWithoutProcess, type SandboxRole } from "../windows/sandbox.ts";

export class HostProcessContainers implements PodContainers {
  readonly uvm = undefined;
  readonly #pod: PodView;

  constructor(pod: PodView) {
    this.#pod = pod;
  }

  /** A task that is no part of a pod is the container itself. */
  sandboxHasProcess({ identity }: CreateRequest): boolean {
    return identity.role === "standalone";
  }

  createSandbox(request: CreateRequest, context: CreateContext): Promise<TaskContainer> {
    if (this.sandboxHasProcess(request)) return this.createWorkload(request, context);
    return Promise.resolve(new SandboxWithoutProcess(request.id, roleOf(request.id), context.holdings));
  }

  async createWorkload(
    request: CreateRequest,
    { holdings, phasesOf }: CreateContext,
  ): Promise<TaskContainer> {
    const { layers, jobs, name } = this.#pod.environment.backend;
    if (layers === undefined || jobs === undefined) {
      throw new ShimError(
        "HOST_UNFIT",
        `cannot create "${request.id}": this host (${name}) runs no HostProcess containers by itself`,
      );
    }
    return JobContainer.create({ request, pod: this.#pod, layers, jobs, holdings }, phasesOf("create"));
  }
}

/** There is nothing around it. */
function roleOf(id: string): SandboxRole {
  return {
    update: () =>
      Promise.reject(new ShimError("NOT_ISOLATED", `cannot update sandbox "${id}": task is not isolated`)),
    properties: () => Promise.resolve({}),
    onEnded: () => Promise.resolve(),
  };
}
