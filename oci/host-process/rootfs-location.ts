/** Where the files of a HostProcess container appear in its VM. */
import { win32 } from "node:path";
import * as ANNOTATION from "../annotations/catalogue.ts";
import { SpecError } from "../errors.ts";

/** Directories of the guest itself. */
const PROTECTED = ["C:\\Windows", "C:\\mounts", "C:\\EFI", "C:\\SandboxMounts"];

const DRIVE_ABSOLUTE = /^[A-Za-z]:[\\/]/;

/**
 * The path that the annotation names, in its plain form; undefined when there is none, and the guest chooses.
 *
 * @throws {SpecError} for what is no absolute path of a drive, or lies in a directory of the guest's own
 */
export function guestRootfsLocation(annotations: Readonly<Record<string, string>>): string | undefined {
  const { key } = ANNOTATION.rootfsLocation;
  const value = annotations[key];
  if (value === undefined) return undefined;
  const refuse = (rule: string): never => {
    throw new SpecError({ at: `annotation ${key}`, rule: `unsafe path detected: ${rule}`, value });
  };
  if (!DRIVE_ABSOLUTE.test(value)) return refuse("must be an absolute path with a drive letter");
  // A colon further on names a stream, and the stream of a directory is the directory.
  if (value.includes(":", 2)) return refuse("must have no colon after the drive letter");
  const normal = win32.normalize(value);
  const path = normal.length > 3 ? normal.replace(/\\+$/, "") : normal;
  const inside = PROTECTED.find((directory) => isWithin(path, directory));
  return inside === undefined ? path : refuse(`must not be ${inside} or inside it`);
}

/** Windows ignores letter case, and dots and blanks at the end of a name. */
function isWithin(path: string, directory: string): boolean {
  const lower = path
    .toLowerCase()
    .split("\\")
    .map((name) => name.replace(/[. ]+$/, ""))
    .join("\\");
  const parent = directory.toLowerCase();
  return lower === parent || lower.startsWith(`${parent}\\`);
}
