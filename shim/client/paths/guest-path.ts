/** Paths in containers: from one operating system's form to the other's, and below another root. Pure and idempotent. */
import { ClientError } from "../errors.ts";
import type { GuestOs } from "../options/options.ts";

/** `C:\x`, `\\?\C:\x` */
const DRIVE = /^(?:\\\\\?\\)?[A-Za-z]:(?=[\\/]|$)/;
const UNC = /^\\\\/;

/**
 * A path below `root` in a Linux guest. One that is there already stays.
 *
 * @throws {ClientError} InvalidArgument for a path that climbs
 */
export function rebase(path: string, root = "/chef/rootfs"): string {
  const base = segments(root);
  const parts = segments(toPosix(path));
  const isBelow = base.every((part, index) => parts[index] === part);
  return `/${(isBelow ? parts : [...base, ...parts]).join("/")}`;
}

export interface NormaliseOptions {
  /** Paths of Linux containers may be written as Windows has them; a backslash is a character of a name otherwise. */
  readonly windowsPaths?: boolean;
  /** What a relative path is relative to, on Windows; `C:\`. */
  readonly cwd?: string;
}

/**
 * The path of a program as its guest is to be told.
 *
 * @throws {ClientError} InvalidArgument for an empty path
 */
export function normaliseCommand(
  os: GuestOs,
  path: string,
  { windowsPaths = false, cwd = "C:\\" }: NormaliseOptions = {},
): string {
  if (path === "")
    throw new ClientError("InvalidArgument", "invalid args: the program must not be empty", {
      field: "args",
    });
  if (os === "linux") return windowsPaths && DRIVE.test(path) ? toPosix(path) : path;
  const text = path.replaceAll("/", "\\");
  if (DRIVE.test(text) || UNC.test(text)) return text;
  if (text.startsWith("\\")) return `C:${text}`;
  // Without a folder it is looked for on the PATH.
  if (!text.includes("\\")) return text;
  return `${cwd.replace(/\\$/, "")}\\${text}`;
}

/** Drives have no meaning on the other side. */
function toPosix(path: string): string {
  if (!DRIVE.test(path) && !path.includes("\\")) return path;
  return path.replace(DRIVE, "").replaceAll("\\", "/");
}

function segments(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..") || path.includes("\0"))
    throw new ClientError("InvalidArgument", `invalid path: must not contain ".." (found "${path}")`, {
      value: path,
    });
  return parts;
}
