/** Pods of Linux containers: each has a utility VM with a Linux guest, owned by its sandbox container. */
import path from "node:path";
import { mountsWithin } from "../../../oci/boundary/mounts.ts";
import { SpecError } from "../../../oci/errors.ts";
import { ShimError } from "../../errors.ts";
import type { TaskContainer } from "../../task/container.ts";
import { VmAgents } from "../agent/agents.ts";
import type { CreateContext, HostShare, PodContainers, PodView } from "../containers.ts";
import type { CreateRequest } from "../request.ts";
import { linuxBoot } from "../vm/boot/linux.ts";
import { addShare } from "../vm/devices/plan9.ts";
import { podNetworkOf, type PodNetwork } from "../vm/network.ts";
import { openVm, type VmRequest } from "../vm/open-vm.ts";
import type { VmUpdateTarget } from "../vm/update.ts";
import type { Uvm } from "../vm/uvm.ts";
import { logWarnings } from "../warnings.ts";
import { LinuxContainer, type LinuxContainerInit } from "./container.ts";
import { linuxVmDevices, type LinuxVmDevices } from "./devices.ts";
import { sendPolicy } from "./policy.ts";
import { planLinuxVm, type LinuxVmPlan } from "./vm-plan.ts";
import { ownerRole, workloadRole } from "./roles.ts";

/** A VM with what it was made of. */
interface Opened {
  readonly uvm: Uvm;
  readonly plan: LinuxVmPlan;
  readonly devices: LinuxVmDevices;
  readonly agents: VmAgents;
}

export class LinuxVmContainers implements PodContainers {
  readonly #pod: PodView;
  #opened: Opened | undefined;

  constructor(pod: PodView) {
    this.#pod = pod;
  }

  get uvm(): Uvm | undefined {
    return this.#opened?.uvm;
  }

  get agents(): VmAgents | undefined {
    return this.#opened?.agents;
  }

  sandboxHasProcess(): boolean {
    return true;
  }

  async createSandbox(request: CreateRequest, context: CreateContext): Promise<TaskContainer> {
    const { environment } = this.#pod;
    const { holdings, phasesOf } = context;
    const phases = phasesOf("create");
    const plan = await phases.run("vm-create", (signal) =>
      planLinuxVm(environment, request, holdings, signal),
    );
    const level = request.options.boundaryLevel;
    const { consolePipe, consoleIsLog } = plan.options;
    const vm: VmRequest = {
      ...{ id: `${request.id}@vm`, document: plan.document, boot: linuxBoot(), level },
      console: consoleIsLog ? { pipe: consolePipe, bundle: request.bundle } : undefined,
    };
    const { storage } = environment.backend;
    const uvm = await openVm(this.#pod, vm, context, (created) => {
      const devices = linuxVmDevices(created, plan, storage, environment.host.build);
      const agents = new VmAgents({
        vmId: created.runtimeId,
        os: "linux",
        level,
        isEmulated: environment.backend.traits.guestSockets === "unix",
        programs: environment.programDirectory,
      });
      this.#opened = { uvm: created, plan, devices, agents };
    });
    await phases.run("vm-boot", (signal) => sendPolicy(environment.backend, uvm, plan, signal));
    const podNetwork = podNetworkOf(request);
    const { policyBasedRouting } = plan.options;
    const network = podNetwork && { ...podNetwork, policyBasedRouting };
    return LinuxContainer.create(
      this.#containerInit(await this.#within(request), context, network),
      ownerRole({
        uvm,
        traits: environment.backend.traits,
        updates: this.#updates(),
        keepsRootfs: request.identity.role === "sandbox",
        stopWorkloads: (each) => this.#pod.stopWorkloads(each),
        report: (message, error) => this.#pod.report(message, error),
      }),
      phases,
    );
  }

  async createWorkload(request: CreateRequest, context: CreateContext): Promise<TaskContainer> {
    const { uvm } = this.#require(request.id);
    return LinuxContainer.create(
      this.#containerInit(await this.#within(request), context, undefined),
      workloadRole(request.id, uvm),
      context.phasesOf("create"),
    );
  }

  async shareIntoVm(
    { hostPath, guestPath, readOnly }: HostShare,
    { holdings, phasesOf }: CreateContext,
  ): Promise<void> {
    const { uvm, devices } = this.#require(this.#pod.id);
    const { files, traits } = this.#pod.environment.backend;
    const paths = path[traits.paths];
    await phasesOf("diag-share").run("mounts", async (signal) => {
      const found = await files.stat(hostPath, { signal });
      if (found === undefined)
        throw new SpecError({ at: "host_path", rule: "must exist on the host", value: hostPath });
      const what =
        found.kind === "directory"
          ? { directory: hostPath }
          : { directory: paths.dirname(hostPath), file: paths.basename(hostPath) };
      await addShare(uvm, devices.shareNames, holdings, { ...what, readOnly, guestPath }, signal);
    });
  }

  /** The request with its agent, and without mounts that its pod's boundary does not allow. */
  async #within(request: CreateRequest): Promise<CreateRequest> {
    const { agents, uvm } = this.#require(request.id);
    const equipped = await agents.equip(request, uvm.boundary);
    const spec = mountsWithin(equipped.spec, uvm.boundary.level, (source) => uvm.boundary.isPlatform(source));
    return { ...equipped, spec };
  }

  #updates(): Omit<VmUpdateTarget, "uvm"> {
    const { host, logger } = this.#pod.environment;
    return { build: host.build, warn: (warnings) => logWarnings(logger, this.#pod.id, warnings) };
  }

  #require(id: string): Opened {
    if (this.#opened === undefined)
      throw new ShimError("VM_LOST", `cannot create "${id}": its pod has no VM`);
    return this.#opened;
  }

  #containerInit(
    request: CreateRequest,
    { holdings }: CreateContext,
    podNetwork: PodNetwork | undefined,
  ): LinuxContainerInit {
    const { backend, host } = this.#pod.environment;
    const { uvm, plan, devices } = this.#require(request.id);
    return {
      request,
      uvm,
      devices,
      holdings,
      backend,
      host,
      noWritableShares: plan.options.noWritableShares,
      scratchEncrypted: plan.options.scratchEncrypted,
      level: uvm.boundary.level,
      podNetwork,
      ownsVm: request.identity.role !== "workload",
      report: (message, error) => this.#pod.report(message, error),
    };
  }
}
