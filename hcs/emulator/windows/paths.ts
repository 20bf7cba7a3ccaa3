/**
 * Windows paths inside a directory that stands for a drive. Letter case does not matter to Windows and does to Linux, so
 * each component is looked for as it is first, and then in whatever case it is there.
 */
import { readdirSync } from "node:fs";
import { join, win32 } from "node:path";

export interface DrivePath {
  /** Lower case: `c`. */
  readonly drive: string;
  /** Without `.` and `..`, which cannot lead out. */
  readonly components: readonly string[];
}

/** `C:\a\b`, with either separator; undefined for what does not begin at the root of a drive. */
export function parseDrivePath(path: string): DrivePath | undefined {
  const [, drive, rest] = /^(?:\\\\\?\\)?([A-Za-z]):[\\/](.*)$/s.exec(path) ?? [];
  if (drive === undefined || rest === undefined) return undefined;
  const components = win32
    .normalize(`\\${rest}`)
    .split("\\")
    .filter((part) => part !== "");
  return { drive: drive.toLowerCase(), components };
}

/** The path below `root`, in the case that what exists of it has. */
export function resolveBelow(root: string, components: readonly string[]): string {
  return components.reduce((directory, name) => join(directory, presentName(directory, name)), root);
}

function presentName(directory: string, name: string): string {
  let entries: string[];
  try {
    entries = readdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return name;
    throw error;
  }
  if (entries.includes(name)) return name;
  const folded = name.toLowerCase();
  return entries.find((entry) => entry.toLowerCase() === folded) ?? name;
}

const VOLUME = /^\\\\\?\\Volume\{([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}(?:\\|$)(.*)$/is;

/** `\\?\Volume{GUID}\…`: the GUID in lower case, and what is behind it. */
export function parseVolumePath(
  path: string,
): { readonly id: string; readonly components: readonly string[] } | undefined {
  const [, id, rest] = VOLUME.exec(path) ?? [];
  if (id === undefined) return undefined;
  return { id: id.toLowerCase(), components: (rest ?? "").split(/[\\/]/).filter((part) => part !== "") };
}

export function volumePath(id: string): string {
  return `\\\\?\\Volume{${id}}\\`;
}

/** The root of VSMB shares as a Windows guest sees it (shim and guest agree on it; the GUID is Windows'). */
const VSMB = "\\\\?\\VMSMB\\VSMB-{dcc079ae-60ba-4d07-847c-3493609c0870}\\";

/** Name of the share that has the machine's named pipes. */
export const IPC_SHARE = "IPC$";

/** A file or directory of share `name`; without components the share itself. */
export function sharePath(name: string, ...components: readonly string[]): string {
  return VSMB + [name, ...components].join("\\");
}

/** The share that a path of the guest leads into, and what is behind it. */
export function parseSharePath(
  path: string,
): { readonly name: string; readonly components: readonly string[] } | undefined {
  if (!path.toLowerCase().startsWith(VSMB.toLowerCase())) return undefined;
  const [name, ...components] = path
    .slice(VSMB.length)
    .split("\\")
    .filter((part) => part !== "");
  return name === undefined ? undefined : { name, components };
}

/** Name of the share that is drive C: of the machine, for its HostProcess containers. */
export const MACHINE_SHARE = "machine";
