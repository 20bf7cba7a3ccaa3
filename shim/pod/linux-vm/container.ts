/**
 * A Linux container in a utility VM, as a task needs it. Creates it out of a spec and a root file system, and takes it
 * apart again.
 */
import { statSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { HcsProcess, Network, RootfsMount, Storage } from "../../../hcs/api.ts";
import type { GuestContainer } from "../../../hcs/guest/container.ts";
import type { GuestProperties } from "../../../hcs/guest/properties.ts";
import type { PropertyType } from "../../../hcs/schema/properties.ts";
import {
  guestRootfs,
  hostMounts,
  linuxContainerDocument,
  type HostMount,
} from "../../../oci/documents/linux-container.ts";
import type { Process, Spec } from "../../../oci/spec.ts";
import { messageOf, ShimError } from "../../errors.ts";
import type { Phases } from "../../phases/phases.ts";
import type { Holdings } from "../../resources/holdings.ts";
import type { StreamFlags, TaskContainer } from "../../task/container.ts";
import { addNetwork, type PodNetwork } from "../vm/network.ts";
import { addShare, type ShareNames } from "../vm/devices/plan9.ts";
import type { UvmView } from "../vm/uvm.ts";

export interface LinuxContainerInit {
  readonly id: string;
  readonly spec: Spec;
  /** Where the mounts of the root file system go: `<bundle>/rootfs`. */
  readonly rootfsTarget: string;
  readonly rootfs: readonly RootfsMount[];
  readonly uvm: UvmView;
  readonly shareNames: ShareNames;
  readonly holdings: Holdings;
  readonly storage: Storage;
  readonly network: Network;
  /** Only for the container that brings the pod's network. */
  readonly podNetwork: PodNetwork | undefined;
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
  /** The container has ended; what ends with it? Called before its holdings are released. */
  onEnded(holdings: Holdings, phases: Phases): Promise<void>;
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

  /** All or nothing: on failure everything it had acquired is released. */
  static async create(
    init: LinuxContainerInit,
    role: LinuxContainerRole,
    phases: Phases,
  ): Promise<LinuxContainer> {
    const networkNamespace = await joinNetwork(init, phases);
    await phases.run("layers", (signal) => shareRootfs(init, signal));
    const mountSources = await phases.run("mounts", (signal) => shareMounts(init, signal));
    const document = linuxContainerDocument({
      id: init.id,
      spec: init.spec,
      mountSources,
      ...(networkNamespace === undefined ? {} : { networkNamespace }),
    });
    const container = await phases.run("container-create", (signal) =>
      init.uvm.guest.createContainer(init.id, document, { signal }),
    );
    return new LinuxContainer(init, role, container);
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

  properties(types: PropertyType[], signal: AbortSignal): Promise<GuestProperties> {
    return this.#container.properties({ PropertyTypes: types }, { signal });
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
        `cannot update task "${this.#init.id}": a Linux container takes LinuxResources, not ${kind}`,
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
    if (this.#init.uvm.isAlive) await this.#end(phases);
    await this.#role.onEnded(this.#init.holdings, phases);
    if (!this.#init.uvm.isAlive) this.#init.holdings.forgetVm();
    const { holdings } = this.#init;
    await phases.run("mounts-release", (signal) =>
      holdings.release(signal, ({ kind }) => kind === "share" || kind === "nic"),
    );
    await phases.run("layers-release", (signal) => holdings.end(signal));
  }

  /** What is left of the container ends too: first asked, then made to. */
  async #end(phases: Phases): Promise<void> {
    if (!this.#initStarted) {
      // Nobody has waited for its init, so the guest will never report its end: Delete takes it away.
      await phases.run("container-terminate", (signal) => this.#container.terminate({ signal }));
      return;
    }
    try {
      await phases.run("container-shutdown", async (signal) => {
        await this.#container.shutdown({ signal });
        await this.#container.exited;
      });
    } catch (error) {
      if (!this.#init.uvm.isAlive) return;
      await this.terminate(phases).catch((second: unknown) => {
        throw new ShimError(
          "RELEASE_FAILED",
          `cannot end container "${this.#init.id}": ${messageOf(second)}`,
          { cause: error },
        );
      });
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

async function joinNetwork(init: LinuxContainerInit, phases: Phases): Promise<string | undefined> {
  const { podNetwork } = init;
  if (podNetwork === undefined) return undefined;
  const namespace = await phases.run("network", (signal) =>
    addNetwork(init.uvm, init.network, init.holdings, podNetwork, signal),
  );
  return namespace.id;
}

/** Mounts what the snapshotter handed over and shares it; without mounts the spec names a directory of the host. */
async function shareRootfs(init: LinuxContainerInit, signal: AbortSignal): Promise<void> {
  const { id, rootfsTarget, storage, holdings } = init;
  let directory = init.spec.root?.path ?? "";
  if (init.rootfs.length > 0) {
    await holdings.acquire(
      { kind: "mount", key: `mount:${rootfsTarget}`, data: { target: rootfsTarget } },
      () => storage.mount(init.rootfs, rootfsTarget, { signal }),
      (budget) => storage.unmount(rootfsTarget, { signal: budget }),
    );
    directory = rootfsTarget;
  } else if (!directory.startsWith("/")) {
    throw new ShimError(
      "REQUEST_INVALID",
      `cannot create "${id}": no rootfs mounts were given and root.path "${directory}" is not an absolute path`,
    );
  }
  // Always writable: what a read-only root means is for the container runtime in the guest.
  const share = { directory, readOnly: false, guestPath: guestRootfs(id) };
  await addShare(init.uvm, init.shareNames, holdings, share, signal);
}

/** @returns the guest path of every host mount by its index in the spec */
async function shareMounts(init: LinuxContainerInit, signal: AbortSignal): Promise<Map<number, string>> {
  const sources = new Map<number, string>();
  for (const mount of hostMounts(init.spec, init.id)) {
    const file = isDirectory(init.id, mount) ? undefined : basename(mount.source);
    const share = {
      directory: file === undefined ? mount.source : dirname(mount.source),
      readOnly: mount.readOnly,
      guestPath: mount.guestDirectory,
      ...(file === undefined ? {} : { file }),
    };
    await addShare(init.uvm, init.shareNames, init.holdings, share, signal);
    sources.set(mount.index, file === undefined ? mount.guestDirectory : `${mount.guestDirectory}/${file}`);
  }
  return sources;
}

function isDirectory(id: string, mount: HostMount): boolean {
  try {
    return statSync(mount.source).isDirectory();
  } catch (cause) {
    const which = `mount ${mount.index} (${mount.source} → ${mount.destination})`;
    throw new ShimError("REQUEST_INVALID", `cannot create "${id}": ${which}: ${messageOf(cause)}`, { cause });
  }
}
