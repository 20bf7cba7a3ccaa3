/**
 * Where the emulator keeps what: a state directory that every process using the same emulator names, so that a second
 * process can enumerate, open, terminate and reclaim what the first one made.
 *
 * ```
 * <state>/systems/<key>/                     a compute system; <key> comes from its id, so an id exists once
 * <state>/systems/.new-<key>-<pid>-<start>-<rt>/  one that process <pid> is about to make
 * <state>/systems/.dead-<key>-<rt>/          one whose remains are being removed
 * <state>/hv/<runtime id>/<service id>       HvSocket stand-ins: unix sockets
 * <state>/pipes/<name>                       named pipes of the machine, serial ports of VMs: unix sockets
 * <state>/pipes/.for-<runtime id>            keeps the directory for a system that has a pipe mapped
 * <cgroup>/runhcs/<key>-<rt>/{gcs,pods}      in every cgroup hierarchy; <rt> = first 8 digits of the runtime id
 * ```
 *
 * What can outlive a system (a cgroup, a socket directory) has the runtime id in its name, and its directory is
 * renamed before anything in it is removed: a new system with the same id never meets the remains of the old one.
 */
import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { ProcessIdentity } from "./process-identity.ts";
import { systemPaths, type SystemPaths } from "./system-file.ts";

/** State directory of a node that configures none. */
export const DEFAULT_STATE_DIRECTORY = "/run/runhcs";

/** Parent of all cgroups of the emulator, below every hierarchy. */
export const CGROUP_PARENT = "/runhcs";

/** Longest path of a unix socket (unix(7): `sun_path` is 108 bytes with its NUL). */
export const SOCKET_PATH_LIMIT = 107;

const GUID_LENGTH = 36;

/** Name of the directory of compute system `id`: 16 hexadecimal digits. */
export function systemKey(id: string): string {
  return createHash("sha256").update(id, "utf8").digest("hex").slice(0, 16);
}

export function systemsDirectory(stateDirectory: string): string {
  return join(stateDirectory, "systems");
}

/** Directory of compute system `id`, whether it exists or not. */
export function systemDirectory(stateDirectory: string, id: string): string {
  return join(systemsDirectory(stateDirectory), systemKey(id));
}

export function hvSocketsDirectory(stateDirectory: string): string {
  return join(stateDirectory, "hv");
}

/** Directory of the Hyper-V sockets of the system with `runtimeId`. */
export function socketsDirectory(stateDirectory: string, runtimeId: string): string {
  return join(hvSocketsDirectory(stateDirectory), runtimeId);
}

/** Named pipes: those that clients have asked for under `BackendTraits.pipePrefix`, and those that containers may have. */
export function pipesDirectory(stateDirectory: string): string {
  return join(stateDirectory, "pipes");
}

/** Absolute cgroup path of a system. */
export function systemCgroup(id: string, runtimeId: string): string {
  return `${CGROUP_PARENT}/${systemKey(id)}-${runtimeId.slice(0, 8)}`;
}

const KEY = /^[0-9a-f]{16}$/;
const NEW = /^\.new-([0-9a-f]{16})-(\d+)-(\d+)-[0-9a-f]{8}$/;
const DEAD = /^\.dead-([0-9a-f]{16})-[0-9a-f]{8}$/;

/** What the name of an entry of the systems directory says about it. */
export type SystemEntry = { readonly name: string; readonly key: string } & (
  { readonly kind: "system" | "dead" } | { readonly kind: "new"; readonly creator: ProcessIdentity }
);

/** Undefined for a name the emulator never gives. */
export function parseSystemEntry(name: string): SystemEntry | undefined {
  if (KEY.test(name)) return { kind: "system", name, key: name };
  const dead = DEAD.exec(name)?.[1];
  if (dead !== undefined) return { kind: "dead", name, key: dead };
  const [, key, pid, startTime] = NEW.exec(name) ?? [];
  if (key === undefined) return undefined;
  return { kind: "new", name, key, creator: { pid: Number(pid), startTime: Number(startTime) } };
}

export function newEntryName(key: string, creator: ProcessIdentity, runtimeId: string): string {
  return `.new-${key}-${creator.pid}-${creator.startTime}-${runtimeId.slice(0, 8)}`;
}

export function deadEntryName(key: string, runtimeId: string): string {
  return `.dead-${key}-${runtimeId.slice(0, 8)}`;
}

/** Paths of a system directory that only the host side uses. */
export interface HostPaths extends SystemPaths {
  /** Who made the system and which processes it has ({@link HostRecord}). */
  readonly hostFile: string;
  /** Made once, by the handle that starts the system; its time is the start time. */
  readonly startedFile: string;
  /** Why the system ends, written by whoever ends it. Every handle keeps it open: its directory may go first. */
  readonly exitFile: string;
  /** Mounts are prepared below it before they appear among the shares. */
  readonly staging: string;
  /** `<images>/<disk name>` is a bind of the image of a disk: its loop device is known by that path. */
  readonly images: string;
}

export function hostPaths(directory: string): HostPaths {
  return {
    ...systemPaths(directory),
    hostFile: join(directory, "host.json"),
    startedFile: join(directory, "started"),
    exitFile: join(directory, "exit.json"),
    staging: join(directory, "staging"),
    images: join(directory, "images"),
  };
}

/**
 * @throws when a socket path below `stateDirectory` would be too long for a unix socket, naming both lengths
 */
export function checkStateDirectory(stateDirectory: string): void {
  if (!stateDirectory.startsWith("/")) {
    throw new Error(`cannot use emulator state directory "${stateDirectory}": it is not an absolute path`);
  }
  const guid = "0".repeat(GUID_LENGTH);
  const longest = Buffer.byteLength(join(socketsDirectory(stateDirectory, guid), guid));
  if (longest <= SOCKET_PATH_LIMIT) return;
  const length = Buffer.byteLength(stateDirectory);
  throw new Error(
    `cannot use emulator state directory "${stateDirectory}": it has ${length} bytes, ` +
      `at most ${length - (longest - SOCKET_PATH_LIMIT)} leave room for socket paths of ${SOCKET_PATH_LIMIT} bytes`,
  );
}

/** The path without symbolic links, as the kernel names mounts below it. Its end need not exist. */
export function canonicalPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    const absolute = resolve(path);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || dirname(absolute) === absolute) throw error;
    return join(canonicalPath(dirname(absolute)), basename(absolute));
  }
}
