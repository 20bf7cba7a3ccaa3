/**
 * A Windows container in a utility VM, as a task needs it: made by the VM's guest, out of a spec and layers, and taken
 * apart again.
 */
import type { HcsProcess } from "../../../hcs/api.ts";
import type { GuestContainer } from "../../../hcs/guest/container.ts";
import type { GuestProperties } from "../../../hcs/guest/properties.ts";
import { CONTAINER_MAPPED_DIRECTORIES } from "../../../hcs/schema/container.ts";
import type { PropertyType } from "../../../hcs/schema/properties.ts";
import { SpecError } from "../../../oci/errors.ts";
import { guestProcess } from "../../../oci/host-process/guest-process.ts";
import type { Process } from "../../../oci/spec.ts";
import { windowsProcessParameters } from "../../../oci/windows/process-parameters.ts";
import { messageOf, ShimError } from "../../errors.ts";
import type { Phases } from "../../phases/phases.ts";
import type { Holdings } from "../../resources/holdings.ts";
import type { StreamFlags, TaskContainer, VmUsage } from "../../task/container.ts";
import { logWarnings } from "../warnings.ts";
import { NETWORK } from "../windows/own-namespace.ts";
import { updateWindowsContainer, type UpdateTarget } from "../windows/update.ts";
import { createGuestContainer, type GuestContainerInit } from "./create-container.ts";
import { sharePath } from "./mounts.ts";

/** What differs between the container that owns the VM and one that lives in it. */
export interface GuestContainerRole {
  /** Absent: limits are the container's own. */
  readonly update?: TaskContainer["update"];
  /** Absent: the VM is not this container's. */
  readonly vmUsage?: TaskContainer["vmUsage"];
  /** The container has ended, and all it held in the VM is released. */
  onReleased(holdings: Holdings, phases: Phases): Promise<void>;
}

export class WindowsGuestContainer implements TaskContainer {
  readonly os = "windows";
  readonly #init: GuestContainerInit;
  readonly #role: GuestContainerRole;
  readonly #container: GuestContainer;

  private constructor(init: GuestContainerInit, role: GuestContainerRole, container: GuestContainer) {
    this.#init = init;
    this.#role = role;
    this.#container = container;
  }

  /** What it had acquired when it fails is in the holdings. */
  static async create(
    init: GuestContainerInit,
    role: GuestContainerRole,
    phases: Phases,
  ): Promise<WindowsGuestContainer> {
    const { vm } = init;
    const create = (): Promise<GuestContainer> => createGuestContainer(init, phases);
    const container = await (vm.options.confidential === undefined ? create() : vm.creations.run(create));
    return new WindowsGuestContainer(init, role, container);
  }

  get #id(): string {
    return this.#init.request.id;
  }

  get canSignal(): boolean {
    const { uvm } = this.#init.vm;
    return uvm.guest.capabilities.GuestDefinedCapabilities?.SignalProcessSupported === true;
  }

  async createInit(streams: StreamFlags, phases: Phases): Promise<HcsProcess> {
    const { process } = this.#init.request.spec;
    if (process === undefined)
      throw new SpecError({ at: "/process", rule: `must be present to start "${this.#id}"` });
    await phases.run("container-start", (signal) => this.#container.start({ signal }));
    try {
      return await this.createExec(process, streams, phases);
    } catch (error) {
      await this.terminate(phases).catch((second: unknown) =>
        this.#init.pod.report("a container without its init process does not end", second),
      );
      throw error;
    }
  }

  createExec(process: Process, streams: StreamFlags, phases: Phases): Promise<HcsProcess> {
    const parameters = windowsProcessParameters(guestProcess(this.#init.request.spec, process), streams);
    return phases.run("process-create", (signal) => this.#container.createProcess(parameters, { signal }));
  }

  properties(types: PropertyType[], signal: AbortSignal): Promise<GuestProperties> {
    return this.#container.properties({ PropertyTypes: types }, { signal });
  }

  vmUsage(signal: AbortSignal): Promise<VmUsage | undefined> {
    return this.#role.vmUsage?.(signal) ?? Promise.resolve(undefined);
  }

  async update(
    ...[kind, resources, annotations, phases]: Parameters<TaskContainer["update"]>
  ): Promise<void> {
    if (this.#role.update !== undefined) return this.#role.update(kind, resources, annotations, phases);
    await phases.run("update", (signal) =>
      updateWindowsContainer(this.#updateTarget(), kind, resources, signal),
    );
  }

  #updateTarget(): UpdateTarget {
    const { pod, vm, holdings } = this.#init;
    const { backend, host, logger } = pod.environment;
    return {
      id: this.#id,
      build: host.build,
      processors: vm.processors,
      modify: (request, signal) => this.#container.modify(request, { signal }),
      addMount: async (mount, signal) => {
        const Settings = await sharePath({ vm, holdings, files: backend.files }, mount, signal);
        const request = { ResourcePath: CONTAINER_MAPPED_DIRECTORIES, RequestType: "Add" as const, Settings };
        await this.#container.modify(request, { signal });
      },
      warn: (warnings) => logWarnings(logger, this.#id, warnings),
    };
  }

  pause(): Promise<void> {
    return Promise.reject(this.#unsupported("pause"));
  }

  resume(): Promise<void> {
    return Promise.reject(this.#unsupported("resume"));
  }

  async terminate(phases: Phases): Promise<void> {
    await phases.run("container-terminate", async (signal) => {
      await this.#container.terminate({ signal });
      await this.#container.exited;
    });
  }

  async teardown(phases: Phases): Promise<void> {
    const { vm, holdings } = this.#init;
    if (vm.uvm.isAlive) await this.#end(phases);
    if (!vm.uvm.isAlive) holdings.forgetVm();
    await phases.run("layers-release", (signal) =>
      holdings.release(signal, ({ kind }) => kind !== "vm" && !NETWORK.includes(kind)),
    );
    await this.#role.onReleased(holdings, phases);
    await phases.run("layers-release", (signal) => holdings.end(signal));
  }

  /** What is left of the container ends too: first asked, then made to. */
  async #end(phases: Phases): Promise<void> {
    try {
      await phases.run("container-shutdown", async (signal) => {
        await this.#container.shutdown({ signal });
        await this.#container.exited;
      });
    } catch (error) {
      if (!this.#init.vm.uvm.isAlive) return;
      this.#init.pod.report("a container does not shut down, it is terminated", error);
      await this.terminate(phases).catch((second: unknown) => {
        throw new ShimError("RELEASE_FAILED", `cannot end container "${this.#id}": ${messageOf(second)}`, {
          cause: error,
        });
      });
    }
  }

  async remove(phases: Phases): Promise<void> {
    if (!this.#init.vm.uvm.isAlive) return;
    try {
      await phases.run("container-delete", (signal) => this.#container.deleteState({ signal }));
    } catch (error) {
      // The guest has forgotten the container all the same; what it could not remove goes with the VM.
      this.#init.pod.report("a guest could not delete all of a container's state", error);
    }
  }

  #unsupported(verb: string): ShimError {
    return new ShimError(
      "UNSUPPORTED",
      `cannot ${verb} "${this.#id}": containers in a Windows VM do not pause`,
    );
  }
}
