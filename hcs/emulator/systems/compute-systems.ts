/** Creating, opening and enumerating emulated compute systems. */
import { randomUUID } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type {
  CallOptions,
  ComputeSystem,
  ComputeSystems,
  ComputeSystemSummary,
  EnumerationQuery,
} from "../../api.ts";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { mount, MS } from "../../posix/libc.ts";
import type { ComputeSystemDocument } from "../../schema/compute-system.ts";
import type { ContainerConfigurationV1 } from "../../schema/container.ts";
import type { Calls } from "../calls.ts";
import { limitCgroup, processorTime } from "../cgroup/limits.ts";
import { cgroupHierarchies, createCgroup } from "../cgroup/tree.ts";
import { EmulatedSystem, type SystemSurroundings } from "./compute-system.ts";
import {
  type ContainerDocument,
  isVm,
  requireShape,
  requireSystemDocument,
  type SystemDocument,
  type VmDocument,
} from "./document.ts";
import type { FaultOperation } from "../faults.ts";
import type { EmulatedHvSocket } from "../hv-socket.ts";
import { ContainerKind } from "./container.ts";
import { ContainerSession } from "./container-session.ts";
import { shareContainer, shareDirectory, showMachine, showWindows } from "./container-shares.ts";
import { documentOf } from "./flat-configuration.ts";
import type { SystemKind } from "./kind.ts";
import { OPERATIONS } from "./states.ts";
import { VmKind } from "./vm.ts";
import { addVsmbShare } from "../storage/vsmb-shares.ts";
import type { WindowsHost, WindowsParts } from "../windows/host.ts";
import { resolveBelow } from "../windows/paths.ts";
import { readHostRecord, writeHostRecord, type HostRecord } from "./host-record.ts";
import type { BootProgram } from "./boot-program.ts";
import type { EmulatedNetwork } from "../network/network.ts";
import { firstHandleInode } from "./open-handles.ts";
import { childrenOf, identify, type ProcessIdentity } from "./process-identity.ts";
import { findSystem, isOrphan, listSystems } from "./reclaim.ts";
import { list, object, string } from "../shape.ts";
import {
  hostPaths,
  newEntryName,
  socketsDirectory,
  systemCgroup,
  systemDirectory,
  systemKey,
  systemsDirectory,
} from "./state-directory.ts";
import { attachDocumentDisks } from "../storage/disks.ts";
import { unmountDirectly } from "../storage/storage.ts";
import { readSystemFile, type SystemFile } from "./system-file.ts";
import { announce } from "../diagnostics.ts";
import { assignSpare } from "./spare-assignment.ts";
import type { SpareWorkers } from "./spare-workers.ts";
import { endWorker, subdirectories, tearDown, tearDownSystem } from "./teardown.ts";
import { abortable } from "../../abortable.ts";
import { launchWorker, type LaunchedWorker } from "./worker-launch.ts";
import { openWorkerLink } from "./worker-link.ts";

export interface ComputeSystemsOptions {
  readonly stateDirectory: string;
  readonly calls: Calls;
  readonly network: EmulatedNetwork;
  readonly boot: BootProgram;
  readonly windows: WindowsHost;
  readonly hvSocket: EmulatedHvSocket;
  /** HostProcess containers in VMs came with a later build than that of the emulator may be. */
  readonly hostProcessInVms: boolean;
  /** The whole environment of workers. */
  readonly environment: Readonly<Record<string, string>>;
  /** Workers for VMs, booted ahead. */
  readonly spares: SpareWorkers | undefined;
  /** Owner of systems whose document names none. */
  readonly owner: string;
  readonly hostProcessors: number;
}

const CREATE = "create compute system";
const OPEN = "open compute system";
const ENUMERATE = "enumerate compute systems";

const QUERY = object({ ids: list(string), owners: list(string) });

/** A creation under way. */
interface Draft {
  readonly file: SystemFile & { readonly document: SystemDocument };
  readonly creator: ProcessIdentity;
  readonly directory: string;
  readonly signal: AbortSignal | undefined;
  /** Of systems with a Windows guest. */
  readonly windows: WindowsParts | undefined;
}

export class EmulatedComputeSystems implements ComputeSystems {
  readonly #options: ComputeSystemsOptions;
  readonly #handles = new Set<EmulatedSystem>();
  /** Connections to the guests of containers, by runtime id: every handle of this process has the same. */
  readonly #sessions = new Map<string, ContainerSession>();
  readonly #around: SystemSurroundings;

  constructor(options: ComputeSystemsOptions) {
    this.#options = options;
    const { stateDirectory, calls } = options;
    const forget = (handle: EmulatedSystem): boolean => this.#handles.delete(handle);
    this.#around = { stateDirectory, calls, forget };
  }

  create(
    id: string,
    document: ComputeSystemDocument | ContainerConfigurationV1,
    options: CallOptions = {},
  ): Promise<ComputeSystem> {
    return this.#create(id, documentOf(document), "container", options);
  }

  /** The system behind a job of the host, which is none to those who enumerate and open compute systems. */
  createJob(
    name: string,
    document: ComputeSystemDocument,
    options: CallOptions = {},
  ): Promise<ComputeSystem> {
    return this.#create(name, document, "job", options);
  }

  #create(
    id: string,
    document: ComputeSystemDocument,
    role: HostRole,
    options: CallOptions,
  ): Promise<ComputeSystem> {
    return this.#options.calls.run("create", { phrase: CREATE, target: id, ...options }, async () => {
      const draft = await this.#draft(id, document, role, options.signal);
      try {
        await this.#step(draft, "create.claim", () => this.#claim(draft));
        return await this.#build(draft);
      } catch (error) {
        await this.#undo(draft, error);
        throw error;
      }
    });
  }

  open(id: string, options: CallOptions = {}): Promise<ComputeSystem> {
    return this.#options.calls.run("open", { phrase: OPEN, target: id, ...options }, async () => {
      const notFound = (cause?: unknown): HcsError =>
        new HcsError({ operation: OPEN, target: id, hresult: HRESULT.systemNotFound, cause });
      const listing = findSystem(this.#options.stateDirectory, id);
      if (listing === undefined || listing.state === "Stopped" || listing.isJob) throw notFound();
      const { directory, owner, runtimeId, cgroup, worker } = listing;
      let exitFile: number | undefined;
      try {
        const { document } = readSystemFile(directory);
        const firstHandle = readHostRecord(directory)?.firstHandle;
        exitFile = openSync(hostPaths(directory).exitFile, "r");
        const link = await openWorkerLink(hostPaths(directory).controlSocket, options.signal);
        const parts = { id, runtimeId, owner, directory, cgroup, document: document as SystemDocument };
        const kind = this.#kindOf(parts, this.#sessions.get(runtimeId));
        return this.#keep({ ...parts, ...{ kind, worker, firstHandle, link, exitFile } });
      } catch (error) {
        if (exitFile !== undefined) closeSync(exitFile);
        const { code } = error as NodeJS.ErrnoException;
        // It has ended since it was found.
        if (code === "ENOENT" || code === "ECONNREFUSED") throw notFound(error);
        throw error;
      }
    });
  }

  enumerate(query: EnumerationQuery = {}, options: CallOptions = {}): Promise<ComputeSystemSummary[]> {
    const target = this.#options.stateDirectory;
    return this.#options.calls.run("enumerate", { phrase: ENUMERATE, target, ...options }, () => {
      requireShape(query, QUERY, ENUMERATE, target);
      const { ids, owners } = query;
      return listSystems(target)
        .filter(({ isJob }) => !isJob)
        .filter(({ id, owner }) => (ids?.includes(id) ?? true) && (owners?.includes(owner) ?? true))
        .map(({ id, owner, state, runtimeId, systemType }) => ({ id, owner, systemType, state, runtimeId }));
    });
  }

  /** Crashes the system with this runtime id; without an id all to which this process has a handle. */
  crash(runtimeId: string | undefined): void {
    for (const handle of this.#handles) {
      if (runtimeId === undefined || handle.runtimeId === runtimeId) handle.crash();
    }
  }

  async #draft(
    id: string,
    given: ComputeSystemDocument,
    role: HostRole,
    signal: AbortSignal | undefined,
  ): Promise<Draft> {
    const { stateDirectory, boot, hostProcessors, hostProcessInVms } = this.#options;
    const refuse = (hresult: number, detail: string): never => {
      throw new HcsError({ operation: CREATE, target: id, hresult, detail });
    };
    if (id === "") refuse(HRESULT.invalidArgument, "the id is empty");
    const document = requireSystemDocument(given, id, hostProcessors);
    if (!isVm(document) && role === "container" && isHostProcess(document))
      refuse(HRESULT.invalidArgument, "/Container/IsolationType is for containers in a VM");
    const missing = isVm(document) ? missingBootFile(document, boot) : undefined;
    if (missing !== undefined) refuse(HRESULT.fileNotFound, missing);
    const hasLinuxGuest = isVm(document) && document.VirtualMachine.Chipset.LinuxKernelDirect !== undefined;
    const windows = hasLinuxGuest
      ? undefined
      : await this.#options.windows.require({ operation: CREATE, target: id });
    if (process.geteuid?.() !== 0)
      refuse(HRESULT.accessDenied, "the emulator makes namespaces, mounts and cgroups");
    const creator = identify(process.pid);
    const owned = { ...document, Owner: document.Owner ?? this.#options.owner };
    if (creator === undefined) return refuse(HRESULT.failed, "/proc is not mounted");
    const runtimeId = randomUUID();
    return {
      file: {
        id,
        runtimeId,
        cgroup: systemCgroup(id, runtimeId),
        sockets: socketsDirectory(stateDirectory, runtimeId),
        document: owned,
        terminateOnLastHandleClosed: document.ShouldTerminateOnLastHandleClosed === true,
        ...(windows === undefined
          ? {}
          : {
              windows: {
                kind: isVm(document) ? ("vm" as const) : role,
                hostProcess: hostProcessInVms,
                ...processorsOf(document, hostProcessors),
                wine: windows.wine,
              },
            }),
      },
      creator,
      directory: systemDirectory(stateDirectory, id),
      signal,
      windows,
    };
  }

  /**
   * Makes the system's directory, complete, in one step: whoever renames first has the id. What a dead system left
   * under the id is reclaimed.
   */
  async #claim({ file, creator, directory }: Draft): Promise<void> {
    const { stateDirectory } = this.#options;
    const key = systemKey(file.id);
    const name = newEntryName(key, creator, file.runtimeId);
    const fresh = join(systemsDirectory(stateDirectory), name);
    try {
      fillDirectory(fresh, file, { creator });
      while (!renameOnto(fresh, directory)) {
        const present = runtimeIdOf(directory);
        const record = readHostRecord(directory);
        if (record !== undefined && !isOrphan(record)) {
          throw new HcsError({ operation: CREATE, target: file.id, hresult: HRESULT.systemAlreadyExists });
        }
        await tearDown(stateDirectory, { kind: "system", name: key, key }, unmountDirectly, present);
      }
    } catch (error) {
      await tearDown(stateDirectory, { kind: "new", name, key, creator }, unmountDirectly);
      throw error;
    }
  }

  async #build(draft: Draft): Promise<EmulatedSystem> {
    const { file, directory, signal } = draft;
    await this.#step(draft, "create.cgroups", () => this.#makeCgroups(file));
    await this.#step(draft, "create.sockets", () =>
      mkdirSync(file.sockets, { recursive: true, mode: 0o700 }),
    );
    const session = await this.#step(draft, "create.shares", () => this.#share(draft));
    const launched = await this.#step(
      draft,
      "create.spawn",
      async () => (await this.#takeSpare(draft)) ?? (await this.#launch(draft)),
    );
    try {
      const record = noteLauncher(draft, launched);
      await this.#step(draft, "create.ready", () => abortable(workerReady(launched, draft), signal));
      const [worker] = childrenOf(launched.pid);
      if (worker === undefined) throw notReady(draft, "ended");
      const firstHandle = firstHandleInode(worker.pid);
      const createdAt = new Date().toISOString();
      writeHostRecord(directory, {
        ...{ ...record, worker, createdAt },
        ...(firstHandle === undefined ? {} : { firstHandle }),
      });
      const { id, runtimeId, cgroup, document } = file;
      const exitFile = openSync(hostPaths(directory).exitFile, "r");
      const parts = { id, runtimeId, owner: document.Owner, directory, cgroup, document };
      const kind = this.#kindOf(parts, session);
      return this.#keep({
        ...parts,
        ...{ kind, worker, firstHandle, exitFile, launched, link: launched.link },
      });
    } catch (error) {
      await session?.close();
      await discardWorker(launched);
      throw error;
    }
  }

  #launch({ file, directory }: Draft): Promise<LaunchedWorker> {
    const { boot, environment } = this.#options;
    const program = { command: boot.command, environment };
    return launchWorker(program, directory, isVm(file.document) ? "vm" : "container");
  }

  /** A worker that had been booted ahead and is ready. Undefined where there is none, or it did not live to be ready. */
  async #takeSpare(draft: Draft): Promise<LaunchedWorker | undefined> {
    const { boot, environment, spares, stateDirectory } = this.#options;
    const { file, directory, signal } = draft;
    if (!isVm(file.document)) return undefined;
    const wanted = { command: boot.command, environment, stateDirectory };
    const spare = await spares?.take(wanted);
    if (spare === undefined) return undefined;
    try {
      assignSpare(spare, directory);
      noteLauncher(draft, spare);
      await abortable(workerReady(spare, draft), signal);
      return spare;
    } catch (error) {
      await discardWorker(spare);
      signal?.throwIfAborted();
      announce({ event: "spare-not-used", id: file.id, error });
      const { controlSocket, workerLog } = hostPaths(directory);
      for (const path of [controlSocket, workerLog]) rmSync(path, { force: true });
      return undefined;
    }
  }

  /** What the worker is to see of the host. @returns the connection to the guest of a container */
  async #share({ file, directory, windows, signal }: Draft): Promise<ContainerSession | undefined> {
    const paths = hostPaths(directory);
    const target = { operation: CREATE, id: file.id };
    shareWithWorker(paths.shares);
    if (windows !== undefined) showWindows(paths, windows);
    if (file.windows?.kind === "job")
      showMachine(paths, await this.#options.windows.drive({ operation: CREATE, target: file.id }));
    const { document, id, runtimeId } = file;
    const { network, windows: host, hvSocket } = this.#options;
    if (isVm(document)) {
      attachDocumentDisks(paths, document, target);
      for (const share of document.VirtualMachine.Devices?.VirtualSmb?.Shares ?? [])
        addVsmbShare(paths, share, target);
      return undefined;
    }
    const shared = await shareContainer(
      { ...{ paths, host, network, target, runtimeId }, stateDirectory: this.#options.stateDirectory },
      document.Container,
    );
    const session = await ContainerSession.prepare(
      { ...{ id, runtimeId, hvSocket }, ...shared },
      signal === undefined ? {} : { signal },
    );
    this.#sessions.set(runtimeId, session);
    return session;
  }

  #kindOf(parts: KindParts, session: ContainerSession | undefined): SystemKind {
    const { id, owner, runtimeId, cgroup, directory, document } = parts;
    const { stateDirectory, network, hostProcessors, windows: host } = this.#options;
    const paths = hostPaths(directory);
    if (isVm(document))
      return new VmKind({
        ...{ id, owner, runtimeId, cgroup, paths, document },
        ...{ stateDirectory, network, hostProcessors },
      });
    const target = { operation: OPERATIONS.modify.phrase, id };
    return new ContainerKind({
      ...{ id, owner, runtimeId, cgroup, session },
      share: (path, readOnly) => shareDirectory({ paths, host, target }, path, readOnly),
    });
  }

  #makeCgroups({ cgroup, document }: Draft["file"]): void {
    const hierarchies = cgroupHierarchies();
    for (const child of ["gcs", "pods"]) createCgroup(`${cgroup}/${child}`, hierarchies);
    // Limits of a container on the host are those of the container itself.
    if (!isVm(document)) return;
    const { Memory, Processor } = document.VirtualMachine.ComputeTopology;
    const processors = { count: Processor.Count, limit: Processor.Limit ?? 0, weight: Processor.Weight ?? 0 };
    const topology = { memoryMb: Memory.SizeInMB, processors };
    limitCgroup(cgroup, topology, hierarchies, this.#options.hostProcessors);
  }

  /** One step of a creation: before it, a scripted fault can hit and the call's signal can end the creation. */
  async #step<T>(draft: Draft, operation: FaultOperation, act: () => T | Promise<T>): Promise<T> {
    const { signal, file } = draft;
    await this.#options.calls.fault(operation, {
      target: file.id,
      runtimeId: file.runtimeId,
      ...(signal === undefined ? {} : { signal }),
    });
    return act();
  }

  /** Removes all that the failed creation made. When that fails too, the error tells both. */
  async #undo({ file }: Draft, cause: unknown): Promise<void> {
    try {
      await tearDownSystem(this.#options.stateDirectory, file.id, file.runtimeId, unmountDirectly);
    } catch (error) {
      const text = (what: unknown): string => (what instanceof Error ? what.message : String(what));
      throw new HcsError({
        operation: CREATE,
        target: file.id,
        hresult: cause instanceof HcsError ? cause.hresult : HRESULT.failed,
        detail: text(cause),
        events: [{ message: `undoing it failed: ${text(error)}`, source: "emulator" }],
        cause,
      });
    }
  }

  #keep(parts: ConstructorParameters<typeof EmulatedSystem>[0]): EmulatedSystem {
    const handle = new EmulatedSystem(parts, this.#around);
    this.#handles.add(handle);
    void handle.exited.then(() => this.#sessions.delete(parts.runtimeId));
    return handle;
  }
}

/** What a system that is no VM stands for. */
type HostRole = "container" | "job";

function processorsOf(
  document: SystemDocument,
  hostProcessors: number,
): Pick<NonNullable<SystemFile["windows"]>, "processors" | "processorTime"> {
  if (!isVm(document)) return { processors: hostProcessors, processorTime: hostProcessors };
  const { Count: count, Limit: limit = 0 } = document.VirtualMachine.ComputeTopology.Processor;
  return { processors: count, processorTime: processorTime({ count, limit }, hostProcessors) };
}

function isHostProcess({ Container }: ContainerDocument): boolean {
  return Container.IsolationType !== undefined || Container.ContainerType !== undefined;
}

type KindParts = Pick<
  ConstructorParameters<typeof EmulatedSystem>[0],
  "id" | "owner" | "runtimeId" | "cgroup" | "directory" | "document"
>;

/** What is wrong with what a VM is to boot; undefined when nothing is. */
function missingBootFile({ VirtualMachine }: VmDocument, boot: BootProgram): string | undefined {
  const { LinuxKernelDirect, Uefi } = VirtualMachine.Chipset;
  if (LinuxKernelDirect !== undefined)
    return boot.missing(LinuxKernelDirect.KernelFilePath, LinuxKernelDirect.InitRdPath);
  const manager = Uefi?.BootThis.DevicePath ?? "";
  const shares = VirtualMachine.Devices?.VirtualSmb?.Shares ?? [];
  const components = manager.split("\\").filter((part) => part !== "");
  if (shares.some(({ Path = "" }) => existsSync(resolveBelow(Path, components)))) return undefined;
  return `/VirtualMachine/Chipset/Uefi/BootThis/DevicePath: no share of the VM has "${manager}"`;
}

function fillDirectory(directory: string, file: SystemFile, record: HostRecord): void {
  const paths = hostPaths(directory);
  const { systemFile, exitFile } = paths;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const part of subdirectories(paths)) mkdirSync(part, { recursive: true, mode: 0o755 });
  writeFileSync(systemFile, JSON.stringify(file), { mode: 0o600 });
  writeFileSync(exitFile, "", { mode: 0o600 });
  writeHostRecord(directory, record);
}

/** False when there is a system under that name. */
function renameOnto(fresh: string, directory: string): boolean {
  try {
    renameSync(fresh, directory);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" || code === "ENOTEMPTY") return false;
    throw error;
  }
}

/**
 * A mount of its own whose later mounts reach the worker. Private first: it must not become a peer of the mount below
 * it, or everything mounted here would appear there a second time.
 */
function shareWithWorker(directory: string): void {
  mount({ source: directory, target: directory, flags: MS.bind });
  mount({ target: directory, flags: MS.private });
  mount({ target: directory, flags: MS.shared });
}

/** Notes which process is the worker's parent, so that whoever finds the system can end it. */
function noteLauncher({ creator, directory }: Draft, { pid }: LaunchedWorker): HostRecord {
  const launcher = identify(pid);
  const record: HostRecord = { creator, ...(launcher === undefined ? {} : { launcher }) };
  writeHostRecord(directory, record);
  return record;
}

/** Ends a worker that no system was made of. */
async function discardWorker({ link, pid, ended }: LaunchedWorker): Promise<void> {
  link.close();
  const launcher = identify(pid);
  if (launcher !== undefined) await endWorker({ launcher });
  await ended;
}

/** Resolves when the worker can be started; rejects when it ends before. */
function workerReady(launched: LaunchedWorker, draft: Draft): Promise<void> {
  return Promise.race([
    launched.link.reached("created"),
    launched.ended.then((how) => {
      throw notReady(draft, how);
    }),
  ]);
}

/** Undefined when the system has gone. */
function runtimeIdOf(directory: string): string | undefined {
  try {
    return readSystemFile(directory).runtimeId;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function notReady({ file }: Draft, how: string): HcsError {
  const detail = `the worker ${how}, before it was ready`;
  return new HcsError({ operation: CREATE, target: file.id, hresult: HRESULT.unexpectedExit, detail });
}
