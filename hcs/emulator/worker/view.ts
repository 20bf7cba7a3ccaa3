/**
 * What the VM sees of its host: the programs and the kernel's file systems, with a `/run` of its own that holds the
 * shares and the Hyper-V sockets. Everything here is in the worker's own mount namespace and goes with it.
 */
import { closeSync, constants, mkdirSync, openSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attachMounts, mount, MS, raiseLoopback, setHostname, unmount } from "../../posix/libc.ts";
import { cgroupHierarchies } from "../cgroup/tree.ts";
import { readMounts } from "../storage/mount-table.ts";
import { systemPaths, type SystemFile } from "../systems/system-file.ts";

/** Where the guest finds the Hyper-V sockets. */
export const HV_SOCKETS = "/run/hv";

/** Where a Windows guest finds what it boots. */
export const WINDOWS = "/run/shares/windows";

/** Directories of a Linux guest that exist before its host asks for anything. */
const GUEST_DIRECTORIES = ["gcs/c", "gcs/tmp", "layers", "mounts"];

/** Mounts of the host that a VM has too, with everything below them. */
const COMMON = [
  "/bin",
  "/dev",
  "/etc",
  "/lib",
  "/lib32",
  "/lib64",
  "/nix",
  "/opt",
  "/proc",
  "/sbin",
  "/sys",
  "/usr",
];

/** Moves this process into the VM's cgroup for everything but its containers. */
export function joinCgroup(cgroup: string): void {
  for (const { mountPoint } of cgroupHierarchies()) {
    // "0" is the writing process, in whatever pid namespace it is.
    writeFileSync(join(mountPoint, cgroup, "gcs", "cgroup.procs"), "0");
  }
}

/** Makes this process's mounts its own: the host's later mounts come in, none of ours go out. */
export function detachView(): void {
  mount({ target: "/", flags: MS.rec | MS.slave });
}

/** What a worker without a system keeps of the host's mounts: enough to be that of any system of `stateDirectory`. */
export function narrowView(stateDirectory: string): void {
  detachView();
  leaveMounts(NOWHERE, [stateDirectory, ...programPaths()]);
}

/** No mount point is at or below it. */
const NOWHERE = "/proc/self/nowhere";

/**
 * Makes `/run` the VM's own; what the host mounts below the shares later on appears there. All other mounts of the
 * host are let go: a namespace that keeps a copy of a mount keeps its file system busy, whoever unmounts it elsewhere.
 *
 * @param given the shares, as a copy of the host's mounts ({@link attachMounts}), for a process that is older than they are
 */
export function buildView(directory: string, system: SystemFile, given?: number): void {
  // Both directories usually lie below the /run that is about to be covered: held open, they stay within reach.
  const shares = given ?? openDirectory(systemPaths(directory).shares);
  const sockets = openDirectory(system.sockets);
  try {
    mount({
      source: "tmpfs",
      target: directory,
      type: "tmpfs",
      flags: MS.nosuid | MS.nodev,
      data: "mode=755",
    });
    for (const path of ["shares", "hv", ...GUEST_DIRECTORIES])
      mkdirSync(join(directory, path), { recursive: true });
    const seen = join(directory, "shares");
    if (given === undefined)
      mount({ source: `/proc/self/fd/${shares}`, target: seen, flags: MS.bind | MS.rec });
    else {
      attachMounts(given, seen);
      mount({ target: seen, flags: MS.rec | MS.slave });
    }
    mount({ source: `/proc/self/fd/${sockets}`, target: join(directory, "hv"), flags: MS.bind });
  } finally {
    closeSync(shares);
    closeSync(sockets);
  }
  leaveMounts(directory, [directory, ...programPaths()]);
  mount({ source: directory, target: "/run", flags: MS.move });
  // What the system directory itself lay on.
  leaveMounts("/run", programPaths());
}

/**
 * Lets go of the host's mounts but for the common ones, those that hold `needed`, and what is at or below `view`.
 * Those that stay no longer follow the host.
 */
function leaveMounts(view: string, needed: readonly string[]): void {
  const isAt = (mountPoint: string, base: string): boolean =>
    mountPoint === base || mountPoint.startsWith(`${base}/`);
  const stays = (mountPoint: string): boolean =>
    mountPoint === "/" ||
    COMMON.some((base) => isAt(mountPoint, base)) ||
    needed.some((path) => isAt(path, mountPoint));
  for (const { mountPoint } of readMounts().reverse()) {
    if (isAt(mountPoint, view)) continue;
    try {
      if (stays(mountPoint)) mount({ target: mountPoint, flags: MS.private });
      else unmount(mountPoint, { detach: true });
    } catch (error) {
      // Out of reach, because another mount covers it or has taken it along.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EINVAL" && code !== "ENOENT" && code !== "ENOTDIR") throw error;
    }
  }
}

/** Where this program and what it loads lie. */
function programPaths(): string[] {
  return [process.execPath, process.argv[1] ?? process.execPath].map((path) => realpathSync(path));
}

/** The VM's own loopback interface and host name. */
export function configureNetwork(system: SystemFile): void {
  raiseLoopback();
  setHostname(hostnameOf(system));
}

/** A name that is a valid host name, unlike the system's id, and tells VMs apart. */
export function hostnameOf({ runtimeId }: Pick<SystemFile, "runtimeId">): string {
  return `uvm-${runtimeId.split("-")[0] ?? runtimeId}`;
}

function openDirectory(path: string): number {
  const O_PATH = 0o10000000;
  return openSync(path, O_PATH | constants.O_DIRECTORY);
}
