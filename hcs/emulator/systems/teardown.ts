/**
 * The one way in which compute systems end and vanish: after a normal exit, a crash, a failed creation, and when another
 * process reclaims what a dead one left. Every step is idempotent, several processes may do it at the same time, and
 * none of it needs the FFI package.
 */
import { lstatSync, readdirSync, realpathSync, renameSync, rmdirSync, rmSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { cgroupHierarchies, cgroupProcesses, removeCgroup, type CgroupHierarchy } from "../cgroup/tree.ts";
import { thawTree } from "../cgroup/freezer.ts";
import type { ComputeSystemDocument } from "../../schema/compute-system.ts";
import { isContainerSocketsName } from "../hv-socket-names.ts";
import { readHostRecord, type HostRecord } from "./host-record.ts";
import { childrenOf, isAlive, killProcess } from "./process-identity.ts";
import {
  deadEntryName,
  hostPaths,
  hvSocketsDirectory,
  pipesDirectory,
  type HostPaths,
  systemKey,
  systemsDirectory,
  type SystemEntry,
} from "./state-directory.ts";
import { releasePipesDirectory } from "./pipes-directory.ts";
import { readSystemFile } from "./system-file.ts";
import { detachLoopDevicesOf } from "../storage/loop-devices.ts";
import { unmountTree, type Unmount } from "../storage/unmount-tree.ts";
import { RELEASE_LIMIT_MS, until } from "../wait.ts";

/**
 * Ends the system of an entry of the systems directory, if it lives, and removes everything it has: mounts, cgroups,
 * sockets, files, and parents that are empty then.
 *
 * @param runtimeId only if the entry is that of the system with this runtime id
 * @throws with what could not be removed; a later call can go on
 */
export async function tearDown(
  stateDirectory: string,
  entry: SystemEntry,
  unmount: Unmount,
  runtimeId?: string,
): Promise<void> {
  const hierarchies = cgroupHierarchies();
  const found = join(systemsDirectory(stateDirectory), entry.name);
  const record = readHostRecord(found);
  const file = ifPresent(() => readSystemFile(found));
  if (runtimeId !== undefined && file?.runtimeId !== runtimeId) return;
  if (record !== undefined) await endProcesses(record, file?.cgroup, hierarchies);
  const directory = file === undefined ? found : bury(found, entry, file.runtimeId);
  if (directory === undefined) return;
  await removeMounts(directory, unmount);
  if (file !== undefined) {
    await removeCgroup(file.cgroup, hierarchies);
    removeContainerSockets(file.sockets);
    removeFlat(file.sockets);
    removeSerialPort(file.document);
    releasePipesDirectory(stateDirectory, file.runtimeId);
  }
  removeSystemDirectory(directory);
  for (const parent of [
    hvSocketsDirectory(stateDirectory),
    pipesDirectory(stateDirectory),
    systemsDirectory(stateDirectory),
    stateDirectory,
  ]) {
    removeIfEmpty(parent);
  }
}

/** {@link tearDown} of one system, which may be on its way out already, by this process or by another. */
export async function tearDownSystem(
  stateDirectory: string,
  id: string,
  runtimeId: string,
  unmount: Unmount,
): Promise<void> {
  const key = systemKey(id);
  await tearDown(stateDirectory, { kind: "system", name: key, key }, unmount, runtimeId);
  await tearDown(
    stateDirectory,
    { kind: "dead", name: deadEntryName(key, runtimeId), key },
    unmount,
    runtimeId,
  );
}

/** Ends the processes of a system and waits until they are gone. */
export async function endProcesses(
  record: Pick<HostRecord, "launcher" | "worker">,
  cgroup: string | undefined,
  hierarchies: readonly CgroupHierarchy[],
): Promise<void> {
  await endWorker(record, () => {
    if (cgroup !== undefined) thawTree(cgroup, hierarchies);
  });
  if (cgroup === undefined) return;
  await until(
    () => {
      const pids = cgroupProcesses(cgroup, hierarchies);
      pids.forEach(killMember);
      return pids.length === 0;
    },
    { what: `cgroup "${cgroup}" has no processes`, limitMs: RELEASE_LIMIT_MS },
  );
}

/**
 * Kills the first process of the system's pid namespace, with which the kernel kills all the others. A frozen process
 * does not die: killed first and thawed then, it runs not one instruction more.
 *
 * The launcher ends with its child. It is not killed, as long as it does: killed at the wrong moment it leaves a child
 * behind that has not yet asked to die with it.
 */
export async function endWorker(
  { launcher, worker }: Pick<HostRecord, "launcher" | "worker">,
  thaw: () => void = () => undefined,
): Promise<void> {
  const own = [worker, launcher].filter((one) => one !== undefined);
  const ended = (): boolean => {
    const children = launcher !== undefined && isAlive(launcher) ? childrenOf(launcher.pid) : [];
    for (const one of [worker, ...children]) if (one !== undefined) killProcess(one);
    thaw();
    return !own.some(isAlive);
  };
  const wait = {
    what: `processes ${own.map(({ pid }) => pid).join(", ")} are gone`,
    limitMs: RELEASE_LIMIT_MS,
  };
  await until(ended, wait).catch(async () => {
    if (launcher !== undefined) killProcess(launcher);
    await until(ended, wait);
  });
}

/** A process found in a cgroup of the emulator's own belongs to the system, however it got there. */
function killMember(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Takes the directory out of the way of new systems with the same id. Undefined when that has been done before. */
function bury(found: string, entry: SystemEntry, runtimeId: string): string | undefined {
  if (entry.kind !== "system") return found;
  const buried = join(dirname(found), deadEntryName(entry.key, runtimeId));
  if (ifPresent(() => readSystemFile(found))?.runtimeId !== runtimeId) return undefined;
  return ifPresent(() => {
    renameSync(found, buried);
    return buried;
  });
}

async function removeMounts(directory: string, unmount: Unmount): Promise<void> {
  const real = ifPresent(() => realpathSync(directory));
  if (real === undefined) return;
  const { shares, staging, images } = hostPaths(real);
  await detachLoopDevicesOf(images);
  for (const tree of [staging, shares, images]) await unmountTree(tree, unmount);
}

/**
 * Removes known directories one level deep and never descends further: what hangs there may be a directory of the
 * user, should a mount have come back.
 */
function removeSystemDirectory(directory: string): void {
  const paths = hostPaths(directory);
  for (const known of [...subdirectories(paths), paths.shares, directory]) removeFlat(known);
}

/** Those that a system directory is made with, below the shares and beside. */
export function subdirectories(paths: HostPaths): string[] {
  const { plan9Shares, vsmbShares, volumes, windows, disks, pipes, nics, staging, images } = paths;
  return [plan9Shares, vsmbShares, volumes, windows, disks, pipes, nics, staging, images];
}

/** What containers have made in their directories is theirs alone: nothing is mounted there, links are not followed. */
function removeContainerSockets(directory: string): void {
  const names = ifPresent(() => readdirSync(directory)) ?? [];
  for (const name of names.filter(isContainerSocketsName))
    rmSync(join(directory, name), { recursive: true, force: true });
}

/** The socket in the place of the pipe, wherever the document has put it; what else is there is not ours. */
function removeSerialPort(document: ComputeSystemDocument): void {
  const pipe = document.VirtualMachine?.Devices?.ComPorts?.["0"]?.NamedPipe;
  if (pipe === undefined || lstatSync(pipe, { throwIfNoEntry: false })?.isSocket() !== true) return;
  ifPresent(() => unlinkSync(pipe));
}

/** Removes a directory whose entries are files, sockets and empty directories. */
function removeFlat(directory: string): void {
  const entries = ifPresent(() => readdirSync(directory, { withFileTypes: true })) ?? [];
  for (const entry of entries) {
    const path = join(directory, entry.name);
    ifPresent(() => (entry.isDirectory() ? rmdirSync(path) : unlinkSync(path)));
  }
  ifPresent(() => rmdirSync(directory));
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOTEMPTY" && code !== "ENOENT" && code !== "EBUSY") throw error;
  }
}

/** Undefined when the file is not there (any more): somebody else has removed it, or it never came to be. */
function ifPresent<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
