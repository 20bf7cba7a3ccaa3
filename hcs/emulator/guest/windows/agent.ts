/** The agent of a Windows guest: what it does for its host. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join, win32 } from "node:path";
import type { ContainerNotification, NotificationType } from "../../../guest/protocol.ts";
import type { GuestProperties } from "../../../guest/properties.ts";
import type {
  ContainerProcessor,
  MappedDirectory,
  WindowsContainer as ContainerDocument,
} from "../../../schema/container.ts";
import { mount, MS } from "../../../posix/libc.ts";
import type { RegistryValue } from "../../../schema/registry.ts";
import { cgroupHierarchies, type CgroupHierarchy } from "../../cgroup/tree.ts";
import { MACHINE_SHARE, parseDrivePath, resolveBelow } from "../../windows/paths.ts";
import { appendRegistry, scratchPaths } from "../../windows/prefix.ts";
import { machineRegistryText } from "../../windows/registry.ts";
import { templateOf, type Template } from "../../windows/template.ts";
import type { Wine } from "../../windows/wine.ts";
import type { WorkerExitType } from "../../worker/messages.ts";
import { GuestError, RESULT } from "../errors.ts";
import type { Log } from "../log.ts";
import { Reaper } from "../reaper.ts";
import { Runc } from "../runc.ts";
import type { Dial } from "../stdio-ports.ts";
import { WindowsContainer } from "./container.ts";
import { GuestMachine } from "./machine.ts";
import { mappedPipes } from "./pipes/mapped.ts";
import { WindowsNetworks } from "./networks.ts";
import { programDirectories } from "./root.ts";
import { DRIVE, type SiloLimits, type SiloMount, type SiloNetwork } from "./silo-spec.ts";
import { GuestVolumes, SHARES } from "./volumes.ts";

export interface WindowsAgentOptions {
  readonly dial: Dial;
  readonly log: Log;
  /** Absolute path of the cgroup below which containers get theirs. */
  readonly podsCgroup: string;
  readonly wine: Wine;
  /** What a VM boots, in the worker's view. */
  readonly template: string;
  /** Directory with this project's own programs. */
  readonly ownPrograms: string;
  readonly processors: number;
  /** What there is of their time: no container can have more. */
  readonly processorTime: number;
  readonly hostProcess: boolean;
  readonly notify: (notification: ContainerNotification) => void;
  /** Ends the VM, or what stands for one around a container of the host. */
  readonly powerOff: (exit: WorkerExitType) => void;
  /** A container on the host: its end is that of the worker. */
  readonly single: boolean;
  /** Values in the registry of the VM itself. */
  readonly registry: readonly RegistryValue[];
}

const RUNC_ROOT = "/run/gcs/runc";
const RUNC_TEMPORARY = "/run/gcs/tmp";
const BUNDLES = "/run/gcs/c";

export class WindowsAgent {
  readonly options: WindowsAgentOptions;
  readonly volumes: GuestVolumes = new GuestVolumes();
  readonly networks: WindowsNetworks = new WindowsNetworks();
  readonly template: Template;
  readonly reaper: Reaper = new Reaper();
  readonly #machine: GuestMachine;
  readonly #runc: Runc;
  readonly #hierarchies: readonly CgroupHierarchy[] = cgroupHierarchies();
  readonly #containers = new Map<string, WindowsContainer>();
  #created = 0;

  constructor(options: WindowsAgentOptions) {
    this.options = options;
    this.template = templateOf(options.template);
    this.#machine = new GuestMachine(this.template);
    this.#runc = new Runc({ root: RUNC_ROOT, temporary: RUNC_TEMPORARY, reaper: this.reaper });
    this.reaper.start();
  }

  get containers(): readonly WindowsContainer[] {
    return [...this.#containers.values()];
  }

  get(id: string): WindowsContainer {
    const container = this.#containers.get(id);
    if (container !== undefined) return container;
    throw new GuestError(RESULT.notFound, `container "${id}" does not exist`);
  }

  create(id: string, activityId: string | undefined, document: ContainerDocument): void {
    const present = this.#containers.get(id);
    if (present !== undefined && present.state !== "stopped")
      throw new GuestError(RESULT.alreadyExists, `container "${id}" already exists`);
    const bundle = join(BUNDLES, String(++this.#created));
    const isHostProcess = document.IsolationType !== undefined || document.ContainerType !== undefined;
    if (isHostProcess && !this.options.hostProcess && !this.options.single)
      throw new GuestError(
        RESULT.invalidArgument,
        "this build of Windows has no HostProcess containers in VMs",
      );
    mkdirSync(bundle, { recursive: true, mode: 0o700 });
    try {
      const container = new WindowsContainer({
        ...{ id, activityId, bundle },
        pipes: mappedPipes(document.MappedPipes ?? []),
        log: this.options.log,
        hostProcessRoot: isHostProcess ? privilegedRoot(document) : undefined,
        plan: {
          wine: this.options.wine,
          ownPrograms: this.options.ownPrograms,
          ...(isHostProcess ? this.#privileged(document, bundle) : this.#isolated(document)),
          limits: {
            memoryMb: document.Memory?.SizeInMB ?? 0,
            ...this.processorLimits(document.Processor),
          },
          cgroup: `${this.options.podsCgroup}/${id}`,
          programs: programDirectories(),
        },
        runc: this.#runc,
        hierarchies: this.#hierarchies,
        onExit: (ended, type) => this.#exited(ended, type),
      });
      this.#containers.set(id, container);
    } catch (error) {
      rmSync(bundle, { recursive: true, force: true });
      throw error;
    }
    this.options.log.info("container created", { container: id });
  }

  /** Drive C: is the container's scratch; nothing else of the guest is in it. */
  #isolated(document: ContainerDocument): {
    prefix: string;
    mounts: SiloMount[];
    hostname: string;
    network: SiloNetwork;
  } {
    const scratch = this.volumes.findScratch(document.Storage.Path);
    const { prefix, drive } = scratchPaths(scratch);
    if (!existsSync(join(drive, "windows")))
      throw new GuestError(RESULT.failed, `the layers of "${document.Storage.Path}" are not combined`);
    appendRegistry(prefix, machineRegistryText(document.RegistryChanges?.AddValues ?? []));
    return {
      prefix,
      mounts: (document.MappedDirectories ?? []).map((mapped) => this.mountOf(mapped, prefix)),
      hostname:
        document.GuestOs?.HostName ?? `win-${document.Storage.Path.replaceAll(/[^0-9a-z]/gi, "").slice(-8)}`,
      network: this.networks.networkOf(document.Networking?.Namespace),
    };
  }

  /** Drive C: is that of the VM, the container's root appears in it, for this container alone. */
  #privileged(
    document: ContainerDocument,
    bundle: string,
  ): {
    prefix: string;
    mounts: SiloMount[];
    hostname: undefined;
    network: SiloNetwork;
  } {
    const { Storage } = document;
    const root = privilegedRoot(document);
    const { drive } = scratchPaths(this.volumes.findScratch(Storage.Path));
    const prefix = this.#machine.prefixFor(
      bundle,
      this.options.single ? join(SHARES, MACHINE_SHARE) : undefined,
    );
    const values = [...this.options.registry, ...(document.RegistryChanges?.AddValues ?? [])];
    appendRegistry(prefix, machineRegistryText(values));
    const mapped = (document.MappedDirectories ?? []).map((one) => this.mountOf(one, prefix));
    const below = (document.MappedDirectories ?? []).map((one) =>
      // Once more below the root, for programs that look for everything there.
      this.mountOf({ ...one, ContainerPath: win32.join(root, withoutDrive(one.ContainerPath)) }, prefix),
    );
    return {
      prefix,
      mounts: [{ source: drive, target: targetOf(root, prefix), readOnly: false }, ...mapped, ...below],
      hostname: undefined,
      network: this.options.single ? { kind: "surrounding" } : { kind: "own" },
    };
  }

  /** How a mapped directory or file gets into a silo with this prefix. */
  mountOf({ HostPath, ContainerPath, ReadOnly = false }: MappedDirectory, prefix: string): SiloMount {
    return {
      source: this.volumes.find(HostPath),
      target: targetOf(ContainerPath, prefix),
      readOnly: ReadOnly,
    };
  }

  /** Shows one more directory in a container that runs: at a path that no mount can reach, it is bound in the drive. */
  addMappedDirectory(id: string, mapped: MappedDirectory): void {
    const { HostPath, ContainerPath, ReadOnly = false } = mapped;
    const drive = this.get(id).drive;
    const target = resolveBelow(drive, componentsOf(ContainerPath));
    mkdirSync(target, { recursive: true });
    mount({ source: this.volumes.find(HostPath), target, flags: MS.bind | MS.rec });
    if (ReadOnly) mount({ target, flags: MS.remount | MS.bind | MS.rdonly });
  }

  /** A container's limits in processors' worth of time. */
  processorLimits(processor: ContainerProcessor): Pick<SiloLimits, "processors" | "weight"> {
    const { Count = 0, Maximum = 0, Weight = 0 } = processor;
    const { processors, processorTime } = this.options;
    const wanted = Count > 0 ? Count : (Maximum * processors) / 10_000;
    return { processors: Math.min(wanted, processorTime), weight: Weight };
  }

  properties(id: string, types: readonly string[]): GuestProperties {
    return this.get(id).properties(types);
  }

  #exited(container: WindowsContainer, type: NotificationType): void {
    const { activityId } = container;
    this.options.log.info("container ended", { container: container.id, exit: type });
    this.options.notify({
      ContainerId: container.id,
      ...(activityId === undefined ? {} : { ActivityId: activityId }),
      Type: type,
      Operation: "None",
      Result: 0,
    });
    if (this.options.single) void this.#powerOff(container, type);
  }

  /** The host is to have the output and the exits of all processes first. */
  async #powerOff(container: WindowsContainer, type: NotificationType): Promise<void> {
    await container.drained;
    // Answers to waits go out in the turn after the exits are known.
    setImmediate(() => this.options.powerOff(type === "None" ? "UnexpectedExit" : (type as WorkerExitType)));
  }

  /** Ends all containers, and waits until they are gone. */
  async end(): Promise<void> {
    const running = this.containers.filter(({ state }) => state === "running");
    for (const container of running) container.terminate();
    await Promise.allSettled(running.map(({ released }) => released));
  }
}

/** Where a HostProcess container finds its root. */
function privilegedRoot({ Storage }: ContainerDocument): string {
  return Storage.PrivilegedContainerRootPath ?? Storage.ContainerRootPath ?? "C:\\hpc";
}

function componentsOf(path: string): readonly string[] {
  const parsed = parseDrivePath(path);
  if (parsed !== undefined && parsed.drive === "c" && parsed.components.length > 0) return parsed.components;
  throw new GuestError(RESULT.invalidArgument, `ContainerPath must be below C:\\: "${path}"`);
}

function targetOf(path: string, prefix: string): string {
  const components = componentsOf(path);
  return resolveBelow(join(prefix, "drive_c"), components).replace(join(prefix, "drive_c"), DRIVE);
}

function withoutDrive(path: string): string {
  return path.replace(/^[A-Za-z]:/, "");
}
