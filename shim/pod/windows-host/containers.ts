/** Pods in process isolation: each container, the sandbox's too, is a compute system of its own on the host. */
import { withLastingProcess } from "../../../oci/windows/sandbox-process.ts";
import { ShimError } from "../../errors.ts";
import type { TaskContainer } from "../../task/container.ts";
import type { CreateContext, PodContainers, PodView } from "../containers.ts";
import { HostProcessContainers } from "../host-process/containers.ts";
import type { CreateRequest } from "../request.ts";
import { HostContainer } from "./container.ts";

export class WindowsHostContainers implements PodContainers {
  readonly uvm = undefined;
  readonly #pod: PodView;
  /** Where options let them into a pod that says nothing about them, they are what they are in their own. */
  readonly #hostProcess: HostProcessContainers;

  constructor(pod: PodView) {
    this.#pod = pod;
    this.#hostProcess = new HostProcessContainers(pod);
  }

  sandboxHasProcess(): boolean {
    return true;
  }

  createSandbox(request: CreateRequest, context: CreateContext): Promise<TaskContainer> {
    const isPod = request.identity.role === "sandbox";
    const spec = isPod ? withLastingProcess(request.spec) : request.spec;
    return this.#create({ ...request, spec }, context);
  }

  createWorkload(request: CreateRequest, context: CreateContext): Promise<TaskContainer> {
    return request.isolation === "host-process"
      ? this.#hostProcess.createWorkload(request, context)
      : this.#create(request, context);
  }

  async #create(request: CreateRequest, { holdings, phasesOf }: CreateContext): Promise<TaskContainer> {
    const { layers, name } = this.#pod.environment.backend;
    if (layers === undefined) {
      throw new ShimError(
        "HOST_UNFIT",
        `cannot create "${request.id}": this host (${name}) runs no Windows containers by itself; use hypervisor isolation`,
      );
    }
    return HostContainer.create({ request, pod: this.#pod, layers, holdings }, phasesOf("create"));
  }
}
