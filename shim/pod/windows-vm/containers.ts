/**
 * Pods of Windows containers in hypervisor isolation: each has a utility VM with a Windows guest. The sandbox of a pod is
 * the VM itself, without a container; a task that is no part of a pod owns its VM.
 */
import { addWindowsMappedDirectory } from "../../../hcs/guest/modify.ts";
import type { SpecWarning } from "../../../oci/errors.ts";
import { ShimError } from "../../errors.ts";
import type { Phases } from "../../phases/phases.ts";
import type { Holdings } from "../../resources/holdings.ts";
import type { TaskContainer, VmUsage } from "../../task/container.ts";
import { AGENT_ACCESS, VmAgents } from "../agent/agents.ts";
import type { CreateContext, HostShare, PodContainers, PodView } from "../containers.ts";
import type { CreateRequest } from "../request.ts";
import { allowService } from "../vm/devices/hv-socket.ts";
import { updateVm } from "../vm/update.ts";
import { vmUsage } from "../vm/usage.ts";
import type { Uvm } from "../vm/uvm.ts";
import { addWindowsNetwork } from "../vm/windows-network.ts";
import { NETWORK, namespaceOf } from "../windows/own-namespace.ts";
import { logWarnings } from "../warnings.ts";
import { SandboxWithoutProcess } from "../windows/sandbox.ts";
import { WindowsGuestContainer } from "./container.ts";
import { keepDisks } from "./debug-disks.ts";
import { sharePath } from "./mounts.ts";
import { openWindowsVm, type WindowsVm } from "./windows-vm.ts";

export class WindowsVmContainers implements PodContainers {
  readonly #pod: PodView;
  #uvm: Uvm | undefined;
  #vm: WindowsVm | undefined;
  #agents: VmAgents | undefined;

  constructor(pod: PodView) {
    this.#pod = pod;
  }

  get uvm(): Uvm | undefined {
    return this.#uvm;
  }

  get agents(): VmAgents | undefined {
    return this.#agents;
  }

  sandboxHasProcess({ identity }: CreateRequest): boolean {
    return identity.role !== "sandbox";
  }

  async createSandbox(request: CreateRequest, context: CreateContext): Promise<TaskContainer> {
    const { holdings, phasesOf } = context;
    const vm = await openWindowsVm(this.#pod, request, context, (uvm) => {
      this.#uvm = uvm;
    });
    this.#vm = vm;
    this.#agents = new VmAgents({
      vmId: vm.uvm.runtimeId,
      os: "windows",
      level: vm.uvm.boundary.level,
      isEmulated: this.#pod.environment.backend.traits.guestSockets === "unix",
      programs: this.#pod.environment.programDirectory,
    });
    await this.#joinNetwork(request, vm, holdings, phasesOf("create"));
    if (this.sandboxHasProcess(request)) {
      return WindowsGuestContainer.create(
        { request: await this.#equip(request, vm), pod: this.#pod, vm, holdings },
        {
          update: (...update) => this.#updateVm(...update),
          vmUsage: (signal) => this.#vmUsage(signal),
          onReleased: (held, phases) => this.#close(held, phases),
        },
        phasesOf("create"),
      );
    }
    return new SandboxWithoutProcess(
      request.id,
      {
        update: (...update) => this.#updateVm(...update),
        properties: () => Promise.resolve({}),
        vmUsage: (signal) => this.#vmUsage(signal),
        onEnded: async (held, phases) => {
          await this.#pod.stopWorkloads(phases);
          await this.#close(held, phases);
        },
      },
      holdings,
      this.#uvm?.ended,
    );
  }

  async createWorkload(
    request: CreateRequest,
    { holdings, phasesOf }: CreateContext,
  ): Promise<TaskContainer> {
    const vm = this.#vm;
    if (vm === undefined) throw new ShimError("VM_LOST", `cannot create "${request.id}": its pod has no VM`);
    return WindowsGuestContainer.create(
      { request: await this.#equip(request, vm), pod: this.#pod, vm, holdings },
      { onReleased: () => Promise.resolve() },
      phasesOf("create"),
    );
  }

  async shareIntoVm(
    { hostPath, guestPath, readOnly }: HostShare,
    { holdings, phasesOf }: CreateContext,
  ): Promise<void> {
    const vm = this.#vm;
    if (vm === undefined) throw new ShimError("VM_LOST", `cannot share "${hostPath}": its pod has no VM`);
    const { files } = this.#pod.environment.backend;
    await phasesOf("diag-share").run("mounts", async (signal) => {
      const mount = { hostPath, containerPath: guestPath, readOnly };
      const directory = await sharePath({ vm, holdings, files }, mount, signal);
      await vm.uvm.guest.modify(addWindowsMappedDirectory(directory), { signal });
    });
  }

  /** Whoever may connect to an agent's service is said to the VM before the agent listens. */
  async #equip(request: CreateRequest, { uvm }: WindowsVm): Promise<CreateRequest> {
    const equipped = (await this.#agents?.equip(request, uvm.boundary)) ?? request;
    const agent = this.#agents?.find(request.id);
    if (agent !== undefined)
      await allowService(uvm, agent.serviceId, AGENT_ACCESS, new AbortController().signal);
    return equipped;
  }

  async #joinNetwork(
    { spec }: CreateRequest,
    { uvm, namespaces }: WindowsVm,
    holdings: Holdings,
    phases: Phases,
  ): Promise<void> {
    const { network } = this.#pod.environment.backend;
    await phases.run("network", async (signal) => {
      const reference = await namespaceOf(spec, network, holdings, signal);
      if (reference === undefined) return;
      const { id } = await addWindowsNetwork(uvm, network, holdings, reference, signal);
      // Workloads whose spec has the same have the same; also none.
      namespaces.set(spec.windows?.networkNamespace ?? "", id);
    });
  }

  async #updateVm(
    ...[kind, resources, annotations, phases]: Parameters<TaskContainer["update"]>
  ): Promise<void> {
    const uvm = this.#uvm;
    if (uvm === undefined) return;
    const { host, logger } = this.#pod.environment;
    const warn = (warnings: readonly SpecWarning[]): void => logWarnings(logger, this.#pod.id, warnings);
    await phases.run("update", (signal) =>
      updateVm({ uvm, build: host.build, warn }, { kind, resources, annotations }, signal),
    );
  }

  async #vmUsage(signal: AbortSignal): Promise<VmUsage | undefined> {
    const { traits } = this.#pod.environment.backend;
    return this.#uvm && vmUsage(this.#uvm, traits, signal);
  }

  /** The network first: removing it needs the guest. */
  async #close(holdings: Holdings, phases: Phases): Promise<void> {
    if (this.#uvm?.isAlive !== true) holdings.forgetVm();
    await phases.run("network-release", (signal) =>
      holdings.release(signal, ({ kind }) => NETWORK.includes(kind)),
    );
    // Closing has a budget of its own.
    await holdings.release(new AbortController().signal, ({ kind }) => kind === "vm");
    await this.#keepDisks(phases);
  }

  async #keepDisks(phases: Phases): Promise<void> {
    const [uvm, vm] = [this.#uvm, this.#vm];
    if (uvm === undefined || vm === undefined) return;
    const { files } = this.#pod.environment.backend;
    try {
      await phases.run("layers-release", (signal) => keepDisks(vm, uvm.document, files, signal));
    } catch (error) {
      this.#pod.report("disks of the VM were not kept", error);
    }
  }
}
