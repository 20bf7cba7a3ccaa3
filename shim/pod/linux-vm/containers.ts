/** Pods of Linux containers: each has a utility VM with a Linux guest, owned by its sandbox container. */
import { ShimError } from "../../errors.ts";
import type { TaskContainer } from "../../task/container.ts";
import type { CreateContext, PodContainers, PodView } from "../containers.ts";
import type { CreateRequest } from "../request.ts";
import { linuxBoot } from "../vm/boot/linux.ts";
import { ShareNames } from "../vm/devices/plan9.ts";
import { podNetworkOf, type PodNetwork } from "../vm/network.ts";
import { openVm } from "../vm/open-vm.ts";
import type { VmUpdateTarget } from "../vm/update.ts";
import type { Uvm } from "../vm/uvm.ts";
import { logWarnings } from "../warnings.ts";
import { LinuxContainer, type LinuxContainerInit } from "./container.ts";
import { planLinuxVm } from "./vm-plan.ts";
import { ownerRole, workloadRole } from "./roles.ts";

/** Directory of the bundle where the root file system is mounted. */
const ROOTFS = "rootfs";

export class LinuxVmContainers implements PodContainers {
  readonly #pod: PodView;
  readonly #shareNames = new ShareNames();
  #uvm: Uvm | undefined;

  constructor(pod: PodView) {
    this.#pod = pod;
  }

  get uvm(): Uvm | undefined {
    return this.#uvm;
  }

  sandboxHasProcess(): boolean {
    return true;
  }

  async createSandbox(request: CreateRequest, context: CreateContext): Promise<TaskContainer> {
    const { environment } = this.#pod;
    const { holdings, phasesOf } = context;
    const { document } = await phasesOf("create").run("vm-create", (signal) =>
      planLinuxVm(environment, request, holdings, signal),
    );
    const uvm = await openVm(
      this.#pod,
      { id: `${request.id}@vm`, document, boot: linuxBoot() },
      context,
      (opened) => {
        this.#uvm = opened;
      },
    );
    return LinuxContainer.create(
      this.#containerInit(request, uvm, context, podNetworkOf(request)),
      ownerRole(uvm, this.#updates(), (phases) => this.#pod.stopWorkloads(phases)),
      context.phasesOf("create"),
    );
  }

  createWorkload(request: CreateRequest, context: CreateContext): Promise<TaskContainer> {
    const uvm = this.#uvm;
    if (uvm === undefined) throw new ShimError("VM_LOST", `cannot create "${request.id}": its pod has no VM`);
    return LinuxContainer.create(
      this.#containerInit(request, uvm, context, undefined),
      workloadRole(request.id, uvm),
      context.phasesOf("create"),
    );
  }

  #updates(): Omit<VmUpdateTarget, "uvm"> {
    const { host, logger } = this.#pod.environment;
    return { build: host.build, warn: (warnings) => logWarnings(logger, this.#pod.id, warnings) };
  }

  #containerInit(
    request: CreateRequest,
    uvm: Uvm,
    { holdings }: CreateContext,
    podNetwork: PodNetwork | undefined,
  ): LinuxContainerInit {
    const { storage, network } = this.#pod.environment.backend;
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
}
