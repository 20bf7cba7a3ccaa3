/** Looking into a container's root file system from outside, without being led out of it. */
import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** As many as the kernel follows (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * The path, below `root`, of what `path` names inside `root`: symbolic links are followed as if `root` were `/`, so
 * an image cannot point its /etc/passwd at the host's.
 */
export function resolveInRoot(root: string, path: string): string {
  const pending = path.split("/").reverse();
  const resolved: string[] = [];
  let links = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      resolved.pop();
      continue;
    }
    const target = readLink(join(root, ...resolved, name));
    if (target === undefined) {
      resolved.push(name);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw new Error(`cannot resolve "${path}" in "${root}": too many symbolic links`);
    if (target.startsWith("/")) resolved.length = 0;
    pending.push(...target.split("/").reverse());
  }
  return join(root, ...resolved);
}

/** The text of a file in a container; undefined when it does not exist. */
export function readInRoot(root: string, path: string): string | undefined {
  try {
    return readFileSync(resolveInRoot(root, path), "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EINVAL" || code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
