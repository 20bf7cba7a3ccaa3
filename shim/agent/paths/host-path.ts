/**
 * Paths of a Windows host, in one form: relative to the project where they are in it, absolute where they are not, and
 * with a key that is the same for all spellings of a path.
 *
 * Nothing here touches the file system, and the rules are those of Windows on every platform. Network shares are refused
 * by their spelling, before anybody could look: looking at `\\host\…` sends the user's credentials there.
 */
import { componentProblem, hasLoneSurrogate, looksShort } from "./components.ts";
import { foldCase } from "./fold.ts";
import { PathRefusal, type PathRefusalCode, type PathSubject } from "./refusal.ts";

export interface HostPath {
  /** `project`: below the project's root; `root`: the root itself; `system`: anywhere else. */
  readonly kind: "project" | "root" | "system";
  /** With `/`, in the case it was spelled in: relative to the root for `project`, `.` for `root`, absolute for `system`. */
  readonly path: string;
  /** The same for every spelling of the path: what goes into digests. Not for opening files. */
  readonly digestKey: string;
  /**
   * For opening the file on Windows: `\\?\C:\…`, which no limit of 260 characters holds for. Compilers need not know this
   * form.
   */
  readonly verbatim: string;
}

export interface HostPathContext {
  /** The project's folder, absolute. */
  readonly root: string;
  /** What relative paths are relative to, absolute. Without it they are refused. */
  readonly cwd?: string;
  /**
   * The long name of the last component of an absolute path (with backslashes; the components before it are long), as
   * GetLongPathNameW tells it; undefined where it is not known. Asked for components that look like short names.
   */
  readonly longName?: (path: string) => string | undefined;
}

interface Location {
  /** Upper case, without the colon. */
  readonly drive: string;
  readonly components: readonly string[];
}

/** In UTF-16 units: the longest path the kernel takes. */
const LONGEST_PATH = 32_767;

/** What paths begin with, in the order it is asked; after `strip` the path goes on without the prefix. */
const PREFIXES: readonly { readonly pattern: RegExp; readonly verdict: PathRefusalCode | "strip" }[] = [
  // Backslashes alone: Windows passes the rest on as it is.
  { pattern: /^\\\\\?\\UNC(?:\\|$)/i, verdict: "UNC" },
  { pattern: /^\\\\\?\\(?![a-z]:\\)/i, verdict: "DEVICE_PATH" },
  { pattern: /^\\\\\?\\[^]*\//, verdict: "INVALID_CHAR" },
  { pattern: /^\\\\\?\\(?:[^]*\\)?\.\.?(?:\\|$)/, verdict: "VERBATIM_DOT" },
  { pattern: /^\\\\\?\\/, verdict: "strip" },
  // The same with other slashes: Windows normalises the rest.
  { pattern: /^[\\/]\?\?[\\/]/, verdict: "DEVICE_PATH" },
  { pattern: /^[\\/]{2}\?[\\/](?=[a-z]:[\\/])/i, verdict: "strip" },
  { pattern: /^[\\/]{2}[?.][\\/]UNC(?:[\\/]|$)/i, verdict: "UNC" },
  { pattern: /^[\\/]{2}[?.][\\/]/, verdict: "DEVICE_PATH" },
  { pattern: /^[\\/]{2}/, verdict: "UNC" },
];

/** Beginnings that say neither which drive nor that there is none. */
const UNANCHORED: readonly { readonly pattern: RegExp; readonly code: PathRefusalCode }[] = [
  { pattern: /^[\\/]/, code: "ROOTED_NO_DRIVE" },
  { pattern: /^[a-z]:(?![\\/])/i, code: "DRIVE_RELATIVE" },
  { pattern: /^[a-z][a-z0-9+.-]+:[\\/]{2}/i, code: "URI" },
];

/**
 * A function that brings host paths into one form.
 *
 * @throws {PathRefusal} where the project's root is none of the paths the function itself would take; so does the function.
 */
export function hostPathNormaliser(context: HostPathContext): (path: unknown) => HostPath {
  const root = settle("project root", context.root, locate("project root", context.root, undefined), context);
  const foldedRoot = [root.drive, ...root.components].map(foldCase);
  return (path) => {
    const location = settle("host path", path, locate("host path", path, context.cwd), context);
    const parts = [location.drive, ...location.components];
    const inside =
      parts.length >= foldedRoot.length && foldedRoot.every((part, at) => foldCase(parts[at] ?? "") === part);
    const verbatim = `\\\\?\\${windowsText(location)}`;
    if (!inside) return result("system", windowsText(location).replaceAll("\\", "/"), verbatim);
    const relative = parts.slice(foldedRoot.length);
    return relative.length === 0
      ? result("root", ".", verbatim)
      : result("project", relative.join("/"), verbatim);
  };
}

/**
 * Makes sure that what a path turned out to lead to is on a local disk: junctions, `subst` and mapped drives lead to shares
 * although their spelling does not show it. To be asked with the result of `realpath`, before a file is opened.
 *
 * @param isNetworkDrive whether a drive (upper-case letter) is one of the network: GetDriveTypeW says 4.
 * @throws {PathRefusal} with the code `UNC`, or the one of a target that has no drive.
 */
export function refuseRemoteTarget(target: unknown, isNetworkDrive: (drive: string) => boolean): void {
  const { drive } = locate("host path", target, undefined);
  if (isNetworkDrive(drive)) throw new PathRefusal({ code: "UNC", subject: "host path", path: target });
}

function result(kind: HostPath["kind"], path: string, verbatim: string): HostPath {
  return { kind, path, digestKey: foldCase(path), verbatim };
}

/** Drive and components by spelling alone, `.` and `..` resolved. */
function locate(subject: PathSubject, path: unknown, cwd: string | undefined): Location {
  const refuse = (code: PathRefusalCode): never => {
    throw new PathRefusal({ code, subject, path });
  };
  if (typeof path !== "string" || path === "") return refuse("EMPTY");
  if (path.includes("\0")) refuse("NUL");
  if (hasLoneSurrogate(path)) refuse("BAD_UNICODE");
  if (path.length > LONGEST_PATH) refuse("TOO_LONG");

  const prefix = PREFIXES.find(({ pattern }) => pattern.test(path));
  if (prefix !== undefined && prefix.verdict !== "strip") refuse(prefix.verdict);
  const plain = prefix === undefined ? path : path.replace(prefix.pattern, "");

  const unanchored = UNANCHORED.find(({ pattern }) => pattern.test(plain));
  if (unanchored !== undefined) refuse(unanchored.code);

  const drive = /^([a-z]):/i.exec(plain)?.[1];
  if (drive === undefined && cwd === undefined) refuse("RELATIVE_NO_CWD");
  const start: Location =
    drive === undefined
      ? locate("working directory", cwd, undefined)
      : { drive: drive.toUpperCase(), components: [] };
  const components = [...start.components];
  for (const part of plain.slice(drive === undefined ? 0 : 2).split(/[\\/]+/)) {
    if (part === "" || part === ".") continue;
    if (part !== "..") components.push(part);
    // Windows stays at the root here; what was meant is not that.
    else if (components.pop() === undefined) refuse("ESCAPES_ROOT");
  }
  return { drive: start.drive, components };
}

/** Every component checked, short names replaced by long ones. */
function settle(subject: PathSubject, path: unknown, found: Location, context: HostPathContext): Location {
  const settled: { drive: string; components: string[] } = { drive: found.drive, components: [] };
  for (const component of found.components) {
    const problem = componentProblem(component);
    if (problem !== undefined) throw new PathRefusal({ code: problem, subject, path, component });
    settled.components.push(component);
    if (!looksShort(component)) continue;
    settled.components[settled.components.length - 1] = longNameOf(subject, path, component, () =>
      context.longName?.(windowsText(settled)),
    );
  }
  // The working directory and long names may have made it longer than it came in.
  if (windowsText(settled).length > LONGEST_PATH) throw new PathRefusal({ code: "TOO_LONG", subject, path });
  return settled;
}

function longNameOf(
  subject: PathSubject,
  path: unknown,
  component: string,
  ask: () => string | undefined,
): string {
  const code = "SHORT_NAME_UNRESOLVED";
  let name: string | undefined;
  try {
    name = ask();
  } catch (cause) {
    throw new PathRefusal({ code, subject, path, component, cause });
  }
  // An answer that is not one name that files can have is no answer.
  const usable =
    name !== undefined && /^[^\\/]+$/.test(name) && !hasLoneSurrogate(name) && !componentProblem(name);
  if (name === undefined || !usable) throw new PathRefusal({ code, subject, path, component });
  return name;
}

function windowsText({ drive, components }: Location): string {
  return `${drive}:\\${components.join("\\")}`;
}
