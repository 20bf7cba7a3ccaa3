/**
 * The directory of a pod's sandbox container, from which its workloads take files and directories. Its path is the
 * bundle of the sandbox.
 */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { mount, MS } from "../../posix/libc.ts";
import { mountsAtOrBelow } from "../storage/mount-table.ts";
import { GuestError, RESULT } from "./errors.ts";
import { unmountTree } from "./mounts.ts";
import { NETWORK_FILES, type NetworkFiles } from "./network-files.ts";

/** What every container of a pod has to know about it. */
export interface Pod {
  readonly id: string;
  /** Directory of the sandbox container. */
  readonly root: string;
  /** The pod's containers have no network namespace but the VM's. */
  readonly hostNetwork: boolean;
}

const DIRECTORY = {
  mounts: "sandboxMounts",
  temporary: "sandboxTmpfsMounts",
  hugePages: "hugepages",
  logs: "logs",
} as const;

export function logDirectory(root: string): string {
  return join(root, DIRECTORY.logs);
}

export function writeNetworkFiles(root: string, files: NetworkFiles): void {
  for (const name of NETWORK_FILES) writeFileSync(join(root, name), files[name], { mode: 0o644 });
}

/** Makes the directories below a sandbox's root. Mounts in them are seen by all containers of the pod. */
export function createSandboxDirectories(root: string): void {
  for (const name of Object.values(DIRECTORY)) mkdirSync(join(root, name), { recursive: true, mode: 0o755 });
  const mounts = join(root, DIRECTORY.mounts);
  const temporary = join(root, DIRECTORY.temporary);
  mount({ source: mounts, target: mounts, flags: MS.bind });
  mount({ target: mounts, flags: MS.shared });
  mount({ source: "tmpfs", target: temporary, type: "tmpfs", flags: MS.nosuid | MS.nodev });
  mount({ target: temporary, flags: MS.shared });
}

/** Unmounts everything below a sandbox's root that was mounted for its pod. */
export function removeSandboxMounts(root: string): void {
  for (const name of [DIRECTORY.mounts, DIRECTORY.temporary, DIRECTORY.hugePages])
    unmountTree(join(root, name));
}

/** Turns the rest of a mount source after its scheme into a path of the guest. */
type SourceResolver = (path: string, root: string) => string;

const SCHEMES: Readonly<Record<string, SourceResolver>> = {
  "sandbox://": (path, root) => publicDirectory(join(root, DIRECTORY.mounts), path),
  "sandbox-tmp://": (path, root) => publicDirectory(join(root, DIRECTORY.temporary), path),
  "hugepages://": hugePages,
  "uvm://": (path) => {
    const source = posix.join("/", path);
    if (existsSync(source)) return source;
    throw new GuestError(RESULT.failed, `mount source "uvm://${path}" does not exist in the VM`);
  },
};

/** The guest's path for a mount source with a scheme; undefined for one that is a path already. */
export function resolveMountSource(source: string, root: string): string | undefined {
  const scheme = Object.keys(SCHEMES).find((prefix) => source.startsWith(prefix));
  return scheme === undefined ? undefined : SCHEMES[scheme]?.(source.slice(scheme.length), root);
}

/** `path` below `base`, whatever dots it holds; made, for everybody to write, where it does not exist. */
function publicDirectory(base: string, path: string): string {
  let directory = base;
  for (const name of posix.join("/", path).split("/")) {
    if (name === "") continue;
    directory = join(directory, name);
    if (existsSync(directory)) continue;
    mkdirSync(directory);
    // mkdir's mode is cut by the umask.
    chmodSync(directory, 0o777);
  }
  return directory;
}

/** `2M/name`: a directory on a hugetlbfs of that page size, mounted once per pod. */
function hugePages(path: string, root: string): string {
  const [size = "", ...rest] = path.split("/");
  if (!/^\d+[KMG]$/.test(size) || rest.length === 0) {
    throw new GuestError(
      RESULT.failed,
      `invalid mount source "hugepages://${path}": it is not "<size>/<name>"`,
    );
  }
  const base = join(root, DIRECTORY.hugePages, size);
  mkdirSync(base, { recursive: true });
  if (mountsAtOrBelow(base).length === 0) {
    mount({ source: "hugetlbfs", target: base, type: "hugetlbfs", data: `pagesize=${size}` });
  }
  return publicDirectory(base, rest.join("/"));
}
