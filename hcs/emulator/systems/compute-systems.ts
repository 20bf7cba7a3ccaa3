/** Creating, opening and enumerating emulated compute systems. */
import { randomUUID } from "node:crypto";
import { closeSync, mkdirSync, openSync, renameSync, writeFileSync } from "node:fs";
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
import type { Calls } from "../calls.ts";
import { limitCgroup } from "../cgroup/limits.ts";
import { cgroupHierarchies, createCgroup } from "../cgroup/tree.ts";
import { EmulatedSystem, type SystemSurroundings } from "./compute-system.ts";
import { requireShape, requireVmDocument, type VmDocument } from "./document.ts";
import type { FaultOperation } from "../faults.ts";
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
import { endWorker, tearDown, tearDownSystem } from "./teardown.ts";
import { abortable } from "../../abortable.ts";
import { launchWorker, type LaunchedWorker } from "./worker-launch.ts";
import { openWorkerLink } from "./worker-link.ts";

export interface ComputeSystemsOptions {
  readonly stateDirectory: string;
  readonly calls: Calls;
  readonly network: EmulatedNetwork;
  readonly boot: BootProgram;
  /** The whole environment of workers. */
  readonly environment: Readonly<Record<string, string>>;
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
  readonly file: SystemFile & { readonly document: VmDocument };
  readonly creator: ProcessIdentity;
  readonly directory: string;
  readonly signal: AbortSignal | undefined;
}

export class EmulatedComputeSystems implements ComputeSystems {
  readonly #options: ComputeSystemsOptions;
  readonly #handles = new Set<EmulatedSystem>();
  readonly #around: SystemSurroundings;

  constructor(options: ComputeSystemsOptions) {
    this.#options = options;
    const { stateDirectory, calls, network, hostProcessors } = options;
    const forget = (handle: EmulatedSystem): boolean => this.#handles.delete(handle);
    this.#around = { stateDirectory, calls, network, hostProcessors, forget };
  }

  create(id: string, document: ComputeSystemDocument, options: CallOptions = {}): Promise<ComputeSystem> {
    return this.#options.calls.run("create", { phrase: CREATE, target: id, ...options }, async () => {
      const draft = this.#draft(id, document, options.signal);
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
      if (listing === undefined || listing.state === "Stopped") throw notFound();
      const { directory, owner, runtimeId, cgroup, worker } = listing;
      let exitFile: number | undefined;
      try {
        const { document } = readSystemFile(directory);
        const firstHandle = readHostRecord(directory)?.firstHandle;
        exitFile = openSync(hostPaths(directory).exitFile, "r");
        const link = await openWorkerLink(hostPaths(directory).controlSocket, options.signal);
        return this.#keep({
          ...{ id, runtimeId, owner, directory, cgroup, worker, firstHandle, link, exitFile },
          document: document as VmDocument,
        });
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
        .filter(({ id, owner }) => (ids?.includes(id) ?? true) && (owners?.includes(owner) ?? true))
        .map(({ id, owner, state, runtimeId }) => ({
          id,
          owner,
          systemType: "VirtualMachine",
          state,
          runtimeId,
        }));
    });
  }

  /** Crashes the system with this runtime id; without an id all to which this process has a handle. */
  crash(runtimeId: string | undefined): void {
    for (const handle of this.#handles) {
      if (runtimeId === undefined || handle.runtimeId === runtimeId) handle.crash();
    }
  }

  #draft(id: string, document: ComputeSystemDocument, signal: AbortSignal | undefined): Draft {
    const { stateDirectory, boot, hostProcessors } = this.#options;
    const refuse = (hresult: number, detail: string): never => {
      throw new HcsError({ operation: CREATE, target: id, hresult, detail });
    };
    if (id === "") refuse(HRESULT.invalidArgument, "the id is empty");
    requireVmDocument(document, id, hostProcessors);
    const { KernelFilePath, InitRdPath } = document.VirtualMachine.Chipset.LinuxKernelDirect;
    const missing = boot.missing(KernelFilePath, InitRdPath);
    if (missing !== undefined) refuse(HRESULT.fileNotFound, missing);
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
      },
      creator,
      directory: systemDirectory(stateDirectory, id),
      signal,
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
    const { file, directory, creator, signal } = draft;
    await this.#step(draft, "create.cgroups", () => this.#makeCgroups(file));
    await this.#step(draft, "create.sockets", () =>
      mkdirSync(file.sockets, { recursive: true, mode: 0o700 }),
    );
    await this.#step(draft, "create.shares", () => {
      shareWithWorker(hostPaths(directory).shares);
      attachDocumentDisks(hostPaths(directory), file.document, { operation: CREATE, id: file.id });
    });
    const launched = await this.#step(draft, "create.spawn", () =>
      launchWorker(this.#options.boot.command, directory, this.#options.environment),
    );
    try {
      const launcher = identify(launched.pid);
      const record: HostRecord = { creator, ...(launcher === undefined ? {} : { launcher }) };
      writeHostRecord(directory, record);
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
      return this.#keep({
        ...{
          id,
          runtimeId,
          owner: document.Owner,
          directory,
          cgroup,
          document,
          worker,
          firstHandle,
          exitFile,
        },
        ...{ launched, link: launched.link },
      });
    } catch (error) {
      await discardWorker(launched);
      throw error;
    }
  }

  #makeCgroups({ cgroup, document }: Draft["file"]): void {
    const hierarchies = cgroupHierarchies();
    const { Memory, Processor } = document.VirtualMachine.ComputeTopology;
    for (const child of ["gcs", "pods"]) createCgroup(`${cgroup}/${child}`, hierarchies);
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
    return handle;
  }
}

function fillDirectory(directory: string, file: SystemFile, record: HostRecord): void {
  const { systemFile, exitFile, plan9Shares, disks, nics, staging, images } = hostPaths(directory);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const part of [plan9Shares, disks, nics, staging, images])
    mkdirSync(part, { recursive: true, mode: 0o755 });
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
