/**
 * Paths that cross the boundary between host and guest. Both ends check them by this one function, on every platform by
 * the rules of Windows as well: neither end trusts the other, and a tree made on Linux must be one that Windows can hold.
 */
import { posix, win32 } from "node:path";
import { componentProblem, hasLoneSurrogate } from "./components.ts";
import { foldCase } from "./fold.ts";
import { PathRefusal, type PathRefusalCode } from "./refusal.ts";

export interface WirePath {
  /** As it came in: relative, separated by `/`. */
  readonly path: string;
  readonly components: readonly string[];
  /** The same for paths that differ by the case of ASCII letters only: on Windows they are one file. */
  readonly digestKey: string;
}

/** In UTF-8 bytes. */
const LONGEST_WIRE_PATH = 4096;
const DEEPEST_WIRE_PATH = 64;

/** Rules about the whole text, in the order they are asked. */
const RULES: readonly { readonly code: PathRefusalCode; readonly broken: (path: string) => boolean }[] = [
  { code: "EMPTY", broken: (path) => path === "" },
  { code: "NUL", broken: (path) => path.includes("\0") },
  // Decoders put U+FFFD in the place of bytes that were no UTF-8: different names would become one.
  { code: "BAD_UNICODE", broken: (path) => hasLoneSurrogate(path) || path.includes("\ufffd") },
  { code: "TOO_LONG", broken: (path) => Buffer.byteLength(path, "utf8") > LONGEST_WIRE_PATH },
  { code: "BACKSLASH", broken: (path) => path.includes("\\") },
  { code: "ABSOLUTE", broken: (path) => path.startsWith("/") },
  { code: "TOO_DEEP", broken: (path) => path.split("/").length > DEEPEST_WIRE_PATH },
];

/** Reads the path of an input or output file. @throws {PathRefusal} */
export function readWirePath(path: unknown): WirePath {
  const refuse = (code: PathRefusalCode, component?: string): never => {
    throw new PathRefusal({
      code,
      subject: "wire path",
      path,
      ...(component === undefined ? {} : { component }),
    });
  };
  if (typeof path !== "string") return refuse("EMPTY");
  const broken = RULES.find((rule) => rule.broken(path));
  if (broken !== undefined) refuse(broken.code);

  const components = path.split("/");
  for (const component of components) {
    if (component === "") refuse("EMPTY_SEGMENT");
    if (component === "." || component === "..") refuse("DOT_SEGMENT");
    const problem = componentProblem(component);
    if (problem !== undefined) refuse(problem, component);
  }
  return { path, components, digestKey: foldCase(path) };
}

/**
 * The absolute path of a file below a staging root, by the path rules of the platform the root is on.
 *
 * @throws {PathRefusal} where the root is not absolute, or the file were not below it: {@link readWirePath} lets no such
 * path through, and the one who writes files asks again.
 */
export function stagedPath(root: string, file: WirePath, platform: "posix" | "win32"): string {
  const rules = platform === "win32" ? win32 : posix;
  if (!rules.isAbsolute(root))
    throw new PathRefusal({ code: "RELATIVE_NO_CWD", subject: "staging root", path: root });
  const base = rules.normalize(root);
  const parent = base.endsWith(rules.sep) ? base : base + rules.sep;
  const staged = rules.join(base, ...file.components);
  if (!staged.startsWith(parent) || staged === parent)
    throw new PathRefusal({ code: "ESCAPES_ROOT", subject: "wire path", path: file.path });
  return staged;
}
