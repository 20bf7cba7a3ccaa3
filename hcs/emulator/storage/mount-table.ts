/** The mounts of this process's mount namespace (proc(5), /proc/pid/mountinfo). */
import { readFileSync } from "node:fs";

export interface MountEntry {
  readonly id: number;
  readonly parent: number;
  /** `major:minor` of the file system. */
  readonly device: string;
  /** What of the file system is mounted: `/` or a path inside it; `net:[4026531840]` for a namespace file. */
  readonly root: string;
  readonly mountPoint: string;
  /** Options of this mount: `rw,nosuid,relatime`. */
  readonly options: readonly string[];
  readonly type: string;
  readonly source: string;
  /** Options of the file system. */
  readonly superOptions: readonly string[];
}

/** Blanks, tabs, line feeds and backslashes are written as three octal digits. */
function unescape(field: string): string {
  return field.includes("\\")
    ? field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    : field;
}

/** Parses the text of a mountinfo file. */
export function parseMountInfo(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split("\n")) {
    const fields = line.split(" ");
    const separator = fields.indexOf("-", 6);
    const [id, parent, device, root, mountPoint, options] = fields;
    const [type, source, superOptions] = fields.slice(separator + 1);
    if (separator < 0 || options === undefined || mountPoint === undefined || superOptions === undefined)
      continue;
    entries.push({
      id: Number(id),
      parent: Number(parent),
      device: device as string,
      root: unescape(root as string),
      mountPoint: unescape(mountPoint),
      options: options.split(","),
      type: type as string,
      source: unescape(source as string),
      superOptions: superOptions.split(","),
    });
  }
  return entries;
}

/** All mounts, in the order of the kernel's list. Paths are UTF-8. */
export function readMounts(): MountEntry[] {
  return parseMountInfo(readFileSync("/proc/self/mountinfo", "utf8"));
}

/** The mounts at and below `path`, an absolute path without symbolic links. */
export function mountsAtOrBelow(path: string, mounts: readonly MountEntry[] = readMounts()): MountEntry[] {
  const prefix = path === "/" ? "/" : `${path}/`;
  return mounts.filter(({ mountPoint }) => mountPoint === path || mountPoint.startsWith(prefix));
}
