/**
 * Finding and reclaiming compute systems from outside: for the shim's `delete`, which containerd runs when a shim has
 * died, and for people. Loads neither the FFI package nor the backend.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { ComputeSystemState } from "../../api.ts";
import { isFrozen } from "../cgroup/freezer.ts";
import { cgroupHierarchies, type CgroupHierarchy } from "../cgroup/tree.ts";
import { readHostRecord, readStartTime, writeExit, type HostRecord } from "./host-record.ts";
import { isAlive, type ProcessIdentity } from "./process-identity.ts";
import { parseSystemEntry, systemKey, systemsDirectory, type SystemEntry } from "./state-directory.ts";
import { readSystemFile, type SystemFile } from "./system-file.ts";
import { terminatedExit } from "./system-exit.ts";
import { tearDown } from "./teardown.ts";
import { unmountByProgram } from "../storage/unmount-tree.ts";

/** A compute system as its directory shows it. */
export interface SystemListing {
  readonly id: string;
  readonly owner: string;
  readonly runtimeId: string;
  readonly state: ComputeSystemState;
  readonly systemType: "Container" | "VirtualMachine";
  /** It stands for a job of the host. */
  readonly isJob: boolean;
  readonly directory: string;
  /** Absolute cgroup path, the same in every hierarchy. */
  readonly cgroup: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** ISO 8601; undefined before the start. */
  readonly startedAt: string | undefined;
  readonly creator: ProcessIdentity;
  /** First process of the system, by the host's pids. */
  readonly worker: ProcessIdentity;
}

/** The systems of a state directory; those that are still being made are left out. */
export function listSystems(stateDirectory: string): SystemListing[] {
  const hierarchies = cgroupHierarchies();
  return entries(stateDirectory).flatMap((entry) =>
    entry.kind === "system"
      ? (describe(join(systemsDirectory(stateDirectory), entry.name), hierarchies) ?? [])
      : [],
  );
}

/** The system with this id, if it is there. */
export function findSystem(stateDirectory: string, id: string): SystemListing | undefined {
  const listing = describe(join(systemsDirectory(stateDirectory), systemKey(id)), cgroupHierarchies());
  return listing?.id === id ? listing : undefined;
}

function describe(directory: string, hierarchies: readonly CgroupHierarchy[]): SystemListing | undefined {
  const record = readHostRecord(directory);
  if (record?.createdAt === undefined || record.worker === undefined) return undefined;
  let file: SystemFile;
  try {
    file = readSystemFile(directory);
  } catch (error) {
    // Removed since its record was read.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const startedAt = readStartTime(directory);
  return {
    id: file.id,
    owner: file.document.Owner ?? "",
    runtimeId: file.runtimeId,
    state: observeState(record.worker, startedAt !== undefined, file.cgroup, hierarchies),
    systemType: file.document.Container === undefined ? "VirtualMachine" : "Container",
    isJob: file.windows?.kind === "job",
    directory,
    cgroup: file.cgroup,
    createdAt: record.createdAt,
    startedAt,
    creator: record.creator,
    worker: record.worker,
  };
}

/** State as the facts show it, so that processes cannot disagree about it. */
export function observeState(
  worker: ProcessIdentity,
  started: boolean,
  cgroup: string,
  hierarchies: readonly CgroupHierarchy[],
): ComputeSystemState {
  if (!isAlive(worker)) return "Stopped";
  if (isFrozen(cgroup, hierarchies)) return "Paused";
  return started ? "Running" : "Created";
}

/**
 * Ends system `id` if it lives, frozen or not, and removes all that it has. Idempotent; several processes may do it at
 * the same time.
 *
 * @returns false when there was nothing of such a system
 * @throws with what could not be removed
 */
export async function reclaimSystem(stateDirectory: string, id: string): Promise<boolean> {
  const key = systemKey(id);
  const found = entries(stateDirectory).filter((entry) => entry.key === key && !isBeingMade(entry));
  await tearDownAll(stateDirectory, found);
  return found.length > 0;
}

/**
 * Reclaims every system that has no living process of its own, and what interrupted creations and removals left.
 *
 * @returns how many there were
 * @throws with what could not be removed, after all were tried
 */
export async function reclaimOrphans(stateDirectory: string): Promise<number> {
  const orphans = orphansOf(stateDirectory);
  await tearDownAll(stateDirectory, orphans);
  return orphans.length;
}

/** Directories of what {@link reclaimOrphans} would remove. */
export function listOrphans(stateDirectory: string): string[] {
  return orphansOf(stateDirectory).map(({ name }) => join(systemsDirectory(stateDirectory), name));
}

function orphansOf(stateDirectory: string): SystemEntry[] {
  return entries(stateDirectory).filter((entry) => {
    if (entry.kind === "dead") return true;
    if (entry.kind === "new") return !isBeingMade(entry);
    const record = readHostRecord(join(systemsDirectory(stateDirectory), entry.name));
    return record !== undefined && isOrphan(record);
  });
}

/** True when the system of `record` has ended. One under construction lives while its creator does. */
export function isOrphan({ creator, launcher, worker, createdAt }: HostRecord): boolean {
  const own = createdAt === undefined ? [creator, launcher, worker] : [worker];
  return !own.some((one) => one !== undefined && isAlive(one));
}

function isBeingMade(entry: SystemEntry): boolean {
  return entry.kind === "new" && isAlive(entry.creator);
}

async function tearDownAll(stateDirectory: string, found: readonly SystemEntry[]): Promise<void> {
  for (const entry of found) {
    writeExit(join(systemsDirectory(stateDirectory), entry.name), terminatedExit("it was reclaimed"));
  }
  const outcomes = await Promise.allSettled(
    found.map((entry) => tearDown(stateDirectory, entry, unmountByProgram)),
  );
  const failures = outcomes.flatMap((outcome) =>
    outcome.status === "rejected" ? [outcome.reason as unknown] : [],
  );
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1)
    throw new AggregateError(failures, `cannot reclaim ${failures.length} compute systems`);
}

function entries(stateDirectory: string): SystemEntry[] {
  try {
    return readdirSync(systemsDirectory(stateDirectory)).flatMap((name) => parseSystemEntry(name) ?? []);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
