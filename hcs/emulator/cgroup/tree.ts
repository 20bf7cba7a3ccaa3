/**
 * The cgroups of compute systems. Works with cgroup v1 (a hierarchy per controller), v2, and both at once (hybrid);
 * a path given here means the group of that path below every hierarchy.
 *
 * Sources: Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst of the kernel.
 */
import { mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readMounts, type MountEntry } from "../storage/mount-table.ts";
import { until, RELEASE_LIMIT_MS } from "../wait.ts";

export interface CgroupHierarchy {
  readonly mountPoint: string;
  readonly version: 1 | 2;
  /** v1: of the hierarchy. v2: what its root offers; none in a hybrid set-up. */
  readonly controllers: readonly string[];
}

/** The mounted hierarchies. One that is mounted several times is named once, below /sys/fs/cgroup if it is there. */
export function cgroupHierarchies(mounts: readonly MountEntry[] = readMounts()): CgroupHierarchy[] {
  const byDevice = new Map<string, MountEntry>();
  for (const mount of mounts) {
    if (mount.type !== "cgroup" && mount.type !== "cgroup2") continue;
    const known = byDevice.get(mount.device);
    if (known === undefined || !known.mountPoint.startsWith("/sys/fs/cgroup"))
      byDevice.set(mount.device, mount);
  }
  return [...byDevice.values()].map(({ mountPoint, type, superOptions }) =>
    type === "cgroup"
      ? { mountPoint, version: 1, controllers: superOptions.filter((option) => option !== "rw") }
      : { mountPoint, version: 2, controllers: readWords(join(mountPoint, "cgroup.controllers")) },
  );
}

/** The hierarchy that has `controller`, v1 before v2. */
export function hierarchyOf(
  hierarchies: readonly CgroupHierarchy[],
  controller: string,
): CgroupHierarchy | undefined {
  return (
    hierarchies.find((one) => one.version === 1 && one.controllers.includes(controller)) ??
    hierarchies.find((one) => one.version === 2 && one.controllers.includes(controller))
  );
}

/** Makes group `path` (absolute, `/a/b`) and its missing ancestors in every hierarchy, ready to take processes. */
export function createCgroup(path: string, hierarchies: readonly CgroupHierarchy[]): void {
  for (const hierarchy of hierarchies) createIn(hierarchy, path);
}

/** An ancestor may be removed as empty by another process between its making and its first use: then again. */
function createIn(hierarchy: CgroupHierarchy, path: string): void {
  const ATTEMPTS = 10;
  for (let attempt = 1; ; attempt++) {
    try {
      let directory = hierarchy.mountPoint;
      for (const name of path.split("/").filter((part) => part !== "")) {
        if (hierarchy.version === 2) enableControllers(directory);
        directory = join(directory, name);
        makeDirectory(directory);
        if (hierarchy.version === 1 && hierarchy.controllers.includes("cpuset")) inheritCpuset(directory);
      }
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || attempt === ATTEMPTS) throw error;
    }
  }
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o755 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** What the emulator sets limits with; without the others a VM merely is not measured or limited in their respect. */
const NEEDED_CONTROLLERS: readonly string[] = ["cpu", "memory"];

/**
 * v2: children get the controllers that their parent passes on. One by one, because a single one that cannot be passed
 * on (`cpu` beside real-time processes, for one) fails the whole write.
 */
function enableControllers(directory: string): void {
  const available = readWords(join(directory, "cgroup.controllers"));
  const enabled = readWords(join(directory, "cgroup.subtree_control"));
  for (const controller of available) {
    if (enabled.includes(controller)) continue;
    try {
      writeFileSync(join(directory, "cgroup.subtree_control"), `+${controller}`);
    } catch (error) {
      if (NEEDED_CONTROLLERS.includes(controller)) throw error;
    }
  }
}

/** v1: a new cpuset has no processors and no memory nodes, and then no process may enter it. */
function inheritCpuset(directory: string): void {
  for (const name of ["cpuset.cpus", "cpuset.mems"]) {
    if (readText(join(directory, name)) !== "") continue;
    writeFileSync(join(directory, name), readText(join(dirname(directory), name)));
  }
}

/** The groups at and below `path` in one hierarchy, children before parents. Empty when there is no such group. */
export function cgroupsBelow(hierarchy: CgroupHierarchy, path: string): string[] {
  const directory = join(hierarchy.mountPoint, path);
  let entries;
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
  const children = entries.filter((entry) => entry.isDirectory());
  return [...children.flatMap(({ name }) => cgroupsBelow(hierarchy, join(path, name))), directory];
}

/** Pids in the groups at and below `path`, in any hierarchy. */
export function cgroupProcesses(path: string, hierarchies: readonly CgroupHierarchy[]): number[] {
  const pids = new Set<number>();
  for (const hierarchy of hierarchies) {
    for (const directory of cgroupsBelow(hierarchy, path)) {
      for (const pid of readWords(join(directory, "cgroup.procs"))) pids.add(Number(pid));
    }
  }
  return [...pids];
}

/**
 * Removes group `path` with everything below, and its parents as far as they are empty. No process may be alive in
 * it; the kernel needs a moment to take the dead ones out, which is waited for.
 */
export async function removeCgroup(path: string, hierarchies: readonly CgroupHierarchy[]): Promise<void> {
  let left: string[] = [];
  await until(
    () => {
      left = hierarchies
        .flatMap((hierarchy) => cgroupsBelow(hierarchy, path))
        .filter((one) => !tryRemove(one));
      return left.length === 0;
    },
    { what: `cgroup "${path}" is gone`, limitMs: RELEASE_LIMIT_MS },
  ).catch((error: unknown) => {
    const pids = cgroupProcesses(path, hierarchies);
    const held = pids.length === 0 ? "no process is in it" : `processes in it: ${pids.join(", ")}`;
    throw new Error(`cannot remove cgroup "${path}": still there: ${left.join(", ")}; ${held}`, {
      cause: error,
    });
  });
  for (const hierarchy of hierarchies) {
    for (let parent = dirname(path); parent !== "/"; parent = dirname(parent)) {
      if (!tryRemove(join(hierarchy.mountPoint, parent))) break;
    }
  }
}

/** False when the group has members or children. */
function tryRemove(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return true;
    if (code === "EBUSY" || code === "ENOTEMPTY") return false;
    throw error;
  }
}

/** ENODEV: a file of a group that was removed while it was open. */
function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENODEV";
}

function readText(path: string): string {
  return readFileSync(path, "utf8").trim();
}

/** The words of a control file; none when the file or its group does not exist. */
function readWords(path: string): string[] {
  try {
    const text = readText(path);
    return text === "" ? [] : text.split(/\s+/);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}
