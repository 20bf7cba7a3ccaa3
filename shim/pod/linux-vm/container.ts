/**
 * A Linux container in a utility VM, as a task needs it. Creates it out of a spec and a root file system, and takes it
 * apart again.
 */
import type { HcsBackend, HcsProcess, HostInfo } from "../../../hcs/api.ts";
import type { GuestContainer } from "../../../hcs/guest/container.ts";
import type { GuestProperties } from "../../../hcs/guest/properties.ts";
import { isAlreadyStopped, isNotFound } from "../../../hcs/hresult.ts";
import type { PropertyType } from "../../../hcs/schema/properties.ts";
import type { BoundaryLevel } from "../../../oci/boundary/levels.ts";
import { AnnotationReader } from "../../../oci/annotations/read.ts";
import { linuxContainerDocument } from "../../../oci/documents/linux-container.ts";
import type { Process } from "../../../oci/spec.ts";
import { messageOf, ShimError } from "../../errors.ts";
import type { Phases } from "../../phases/phases.ts";
import type { PhaseName } from "../../phases/table.ts";
import type { Holdings } from "../../resources/holdings.ts";
import type { Holding } from "../../resources/journal.ts";
import type { AdoptedProcess, StreamFlags, TaskContainer, VmUsage } from "../../task/container.ts";
import type { CreateRequest } from "../request.ts";
import { addNetwork, type PodNetwork } from "../vm/network.ts";
import type { UvmView } from "../vm/uvm.ts";
import type { LinuxVmDevices } from "./devices.ts";
import { addDrivers } from "./drivers.ts";
import { addRootfs } from "./layers.ts";
import { addDevices, addMounts } from "./mounts.ts";

export interface LinuxContainerInit {
  readonly request: CreateRequest;
  readonly uvm: UvmView;
  readonly devices: LinuxVmDevices;
  readonly holdings: Holdings;
  readonly backend: HcsBackend;
  readonly host: HostInfo;
  /** Directories of the host may be shared read-only alone. */
  readonly noWritableShares: boolean;
  readonly scratchEncrypted: boolean;
  /** What may come into the VM. */
  readonly level: BoundaryLevel;
  /** Only for the container that brings the pod's network. */
  readonly podNetwork: PodNetwork | undefined;
  /** The VM was made for this container: the devices of its spec are the VM's. */
  readonly ownsVm: boolean;
  /** For what goes wrong and is nobody's answer. */
  readonly report: (message: string, error: unknown) => void;
}

/** What differs between the container that owns the VM and one that lives in it. */
export interface LinuxContainerRole {
  pause(signal: AbortSignal): Promise<void>;
  resume(signal: AbortSignal): Promise<void>;
  update(
    kind: string,
    resources: unknown,
    annotations: Readonly<Record<string, string>>,
    phases: Phases,
  ): Promise<boolean>;
  /** Absent: the VM is not this container's. */
  readonly vmUsage?: TaskContainer["vmUsage"];
  /** The container has ended; what has to end before its holdings are released? */
  beforeRelease(phases: Phases): Promise<void>;
  /** Something of the container could not be taken out of the VM. Throws where that is the end of it. */
  onReleaseFailed(error: unknown): void;
  /** What the container had in its VM is released; what ends with it? */
  afterRelease(holdings: Holdings, phases: Phases): Promise<void>;
  /** Its root file system stays until the VM ends. */
  readonly keepsRootfs: boolean;
}

export class LinuxContainer implements TaskContainer {
  readonly os = "linux";
  readonly #init: LinuxContainerInit;
  readonly #role: LinuxContainerRole;
  readonly #container: GuestContainer;
  #initStarted = false;

  private constructor(init: LinuxContainerInit, role: LinuxContainerRole, container: GuestContainer) {
    this.#init = init;
    this.#role = role;
    this.#container = container;
  }

  /** On failure what it had in its VM is released, and a VM of its own ends; its holdings have the rest. */
  static async create(
    init: LinuxContainerInit,
    role: LinuxContainerRole,
    phases: Phases,
  ): Promise<LinuxContainer> {
    try {
      return new LinuxContainer(init, role, await createContainer(init, phases));
    } catch (error) {
      await giveUp(init, role, phases);
      throw error;
    }
  }

  get canSignal(): boolean {
    return this.#init.uvm.guest.capabilities.GuestDefinedCapabilities?.SignalProcessSupported === true;
  }

  async createInit(streams: StreamFlags, phases: Phases): Promise<HcsProcess> {
    await phases.run("container-start", (signal) => this.#container.start({ signal }));
    const init = await phases.run("process-create", (signal) =>
      this.#container.createProcess(pipes(streams), { signal }),
    );
    this.#initStarted = true;
    return init;
  }

  createExec(process: Process, streams: StreamFlags, phases: Phases): Promise<HcsProcess> {
    const parameters = { ...pipes(streams), OciProcess: process.document };
    return phases.run("process-create", (signal) => this.#container.createProcess(parameters, { signal }));
  }

  async adoptProcess({ pid, isInit, ports }: AdoptedProcess): Promise<HcsProcess> {
    if (isInit) this.#initStarted = true;
    return this.#container.adoptProcess(pid, ports);
  }

  properties(types: PropertyType[], signal: AbortSignal): Promise<GuestProperties> {
    return this.#container.properties({ PropertyTypes: types }, { signal });
  }

  vmUsage(signal: AbortSignal): Promise<VmUsage | undefined> {
    return this.#role.vmUsage?.(signal) ?? Promise.resolve(undefined);
  }

  async update(
    kind: string,
    resources: unknown,
    annotations: Readonly<Record<string, string>>,
    phases: Phases,
  ): Promise<void> {
    if (await this.#role.update(kind, resources, annotations, phases)) return;
    if (kind !== "LinuxResources") {
      throw new ShimError(
        "REQUEST_INVALID",
        `cannot update task "${this.#init.request.id}": a Linux container takes LinuxResources, not ${kind}`,
      );
    }
    await phases.run("update", (signal) =>
      this.#container.updateConstraints({ Windows: {}, Linux: resources }, { signal }),
    );
  }

  pause(signal: AbortSignal): Promise<void> {
    return this.#role.pause(signal);
  }

  resume(signal: AbortSignal): Promise<void> {
    return this.#role.resume(signal);
  }

  async terminate(phases: Phases): Promise<void> {
    await phases.run("container-terminate", async (signal) => {
      await this.#container.terminate({ signal });
      await this.#container.exited;
    });
  }

  async teardown(phases: Phases): Promise<void> {
    const { uvm, holdings } = this.#init;
    if (uvm.isAlive) await this.#end(phases);
    await this.#role.beforeRelease(phases);
    try {
      await leaveVm(this.#init, this.#role, phases);
    } catch (error) {
      this.#role.onReleaseFailed(error);
    }
    await this.#role.afterRelease(holdings, phases);
    if (!uvm.isAlive) holdings.forgetVm();
    await phases.run("layers-release", (signal) => holdings.end(signal));
  }

  /** What is left of the container ends too: first asked, then made to. */
  async #end(phases: Phases): Promise<void> {
    if (!this.#initStarted) {
      // Nobody has waited for its init, so the guest will never report its end: Delete takes away what is left.
      await phases.run("container-shutdown", (signal) => this.#ask(signal));
      return;
    }
    try {
      await phases.run("container-shutdown", async (signal) => {
        await this.#ask(signal);
        await this.#container.exited;
      });
    } catch (error) {
      if (!this.#init.uvm.isAlive) return;
      await this.terminate(phases).catch((second: unknown) => {
        throw new ShimError(
          "RELEASE_FAILED",
          `cannot end container "${this.#init.request.id}": ${messageOf(second)}`,
          { cause: error },
        );
      });
    }
  }

  /** One that ends by itself meanwhile does as well. */
  async #ask(signal: AbortSignal): Promise<void> {
    try {
      await this.#container.shutdown({ signal });
    } catch (error) {
      if (!isAlreadyStopped(error) && !isNotFound(error)) throw error;
    }
  }

  async remove(phases: Phases): Promise<void> {
    if (!this.#init.uvm.isAlive) return;
    await phases.run("container-delete", (signal) => this.#container.deleteState({ signal }));
  }
}

function pipes(streams: StreamFlags): {
  CreateStdInPipe?: boolean;
  CreateStdOutPipe?: boolean;
  CreateStdErrPipe?: boolean;
} {
  return {
    ...(streams.stdin ? { CreateStdInPipe: true } : {}),
    ...(streams.stdout ? { CreateStdOutPipe: true } : {}),
    ...(streams.stderr ? { CreateStdErrPipe: true } : {}),
  };
}

async function createContainer(init: LinuxContainerInit, phases: Phases): Promise<GuestContainer> {
  const { request, uvm, ownsVm } = init;
  const { id, spec } = request;
  await phases.run("mounts", (signal) => addDrivers(init, signal));
  const networkNamespace = await joinNetwork(init, phases);
  const scratchPath = await phases.run("layers", (signal) => addRootfs(init, signal));
  const mounts = await phases.run("mounts", (signal) => addMounts(init, signal));
  const devices = ownsVm ? [] : await phases.run("mounts", (signal) => addDevices(init, signal));
  const document = linuxContainerDocument({
    id,
    spec,
    reader: new AnnotationReader(spec.annotations),
    mounts,
    scratchPath,
    keepPids: request.options.keepPids,
    devices,
    ...(networkNamespace === undefined ? {} : { networkNamespace }),
  });
  return phases.run("container-create", (signal) => uvm.guest.createContainer(id, document, { signal }));
}

/** What fails here stays in the holdings, which try again when they are ended: why the container failed is what counts. */
async function giveUp(init: LinuxContainerInit, role: LinuxContainerRole, phases: Phases): Promise<void> {
  const report = (error: unknown): void =>
    init.report(`"${init.request.id}" failed, and what it had in its VM is not yet released`, error);
  await leaveVm(init, role, phases).catch(report);
  await role.afterRelease(init.holdings, phases).catch(report);
  if (!init.uvm.isAlive) init.holdings.forgetVm();
}

/** What a container has in its VM, in the order in which it leaves: network first, root file system last. */
const LEAVING: readonly (readonly [PhaseName, readonly Holding["kind"][]])[] = [
  ["network-release", ["nic"]],
  ["mounts-release", ["share", "disk", "device"]],
  ["layers-release", ["layers"]],
];

/** Goes on after a failure, and tells of all. */
async function leaveVm(
  { uvm, holdings }: LinuxContainerInit,
  { keepsRootfs }: LinuxContainerRole,
  phases: Phases,
): Promise<void> {
  if (!uvm.isAlive) return;
  const failures: unknown[] = [];
  for (const [phase, kinds] of keepsRootfs ? LEAVING.slice(0, -1) : LEAVING) {
    try {
      await phases.run(phase, (signal) => holdings.release(signal, ({ kind }) => kinds.includes(kind)));
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0)
    throw new ShimError("RELEASE_FAILED", failures.map(messageOf).join("; "), { cause: failures[0] });
}

async function joinNetwork(init: LinuxContainerInit, phases: Phases): Promise<string | undefined> {
  const { podNetwork, uvm, backend, holdings } = init;
  if (podNetwork === undefined) return undefined;
  const namespace = await phases.run("network", (signal) =>
    addNetwork(uvm, backend.network, holdings, podNetwork, signal),
  );
  return namespace.id;
}
