/**
 * What the VM sees of its host: the host's file system, with a `/run` of its own that holds the shares and the
 * Hyper-V sockets. Everything here is in the worker's own mount namespace and goes with it.
 */
import { closeSync, constants, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mount, MS, raiseLoopback, setHostname } from "../../posix/libc.ts";
import { cgroupHierarchies } from "../cgroup-tree.ts";
import { systemPaths, type SystemFile } from "../system-file.ts";

/** Where the guest finds the Hyper-V sockets. */
export const HV_SOCKETS = "/run/hv";

const SHARES = "/run/shares";

/** Directories of a Linux guest that exist before its host asks for anything. */
const GUEST_DIRECTORIES = ["/run/gcs/c", "/run/gcs/tmp", "/run/layers", "/run/mounts"];

/** Moves this process into the VM's cgroup for everything but its containers. */
export function joinCgroup(cgroup: string): void {
  for (const { mountPoint } of cgroupHierarchies()) {
    // "0" is the writing process, in whatever pid namespace it is.
    writeFileSync(join(mountPoint, cgroup, "gcs", "cgroup.procs"), "0");
  }
}

/** Makes `/run` the VM's own. What the host mounts below the shares later on appears here. */
export function buildView(directory: string, system: SystemFile): void {
  // The host's later mounts come in, none of ours go out.
  mount({ target: "/", flags: MS.rec | MS.slave });
  // Both directories usually lie below the /run that is about to be covered: held open, they stay within reach.
  const shares = openDirectory(systemPaths(directory).shares);
  const sockets = openDirectory(system.sockets);
  try {
    mount({ source: "tmpfs", target: "/run", type: "tmpfs", flags: MS.nosuid | MS.nodev, data: "mode=755" });
    for (const path of [SHARES, HV_SOCKETS, ...GUEST_DIRECTORIES]) mkdirSync(path, { recursive: true });
    mount({ source: `/proc/self/fd/${shares}`, target: SHARES, flags: MS.bind | MS.rec });
    mount({ source: `/proc/self/fd/${sockets}`, target: HV_SOCKETS, flags: MS.bind });
  } finally {
    closeSync(shares);
    closeSync(sockets);
  }
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
