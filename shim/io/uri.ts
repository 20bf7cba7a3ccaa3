/**
 * Stdio URIs as containerd's clients write them. The URL parsers of Go and of the web disagree about exactly the forms
 * that matter here (drive letters, backslashes, several slashes), so this reads them by itself, as Go does.
 */
import { win32 } from "node:path";

/** A stdio value in parts. A value without a scheme is all `path`. */
export interface StdioUri {
  /** Lower case; "" for bare paths, pipe names and drive paths (`C:\x`: one letter is a drive, not a scheme). */
  readonly scheme: string;
  /** What stands between `//` and the next slash; "" in nearly all. */
  readonly authority: string;
  /** Percent-decoded. */
  readonly path: string;
  /** Decoded, in the order written, values of repeated keys included. */
  readonly query: readonly (readonly [key: string, value: string])[];
}

const FORM = /^([A-Za-z][A-Za-z0-9+.-]+):(?:\/\/([^/\\?]*))?([^?]*)(?:\?(.*))?$/s;

/**
 * Splits `value`.
 *
 * @throws {URIError} when an escape (`%zz`) cannot be decoded
 */
export function parseStdioUri(value: string): StdioUri {
  const parts = FORM.exec(value);
  if (parts === null) return { scheme: "", authority: "", path: value, query: [] };
  const [, scheme = "", authority = "", path = "", query = ""] = parts;
  return {
    scheme: scheme.toLowerCase(),
    authority,
    path: decodeURIComponent(path),
    query: parseQuery(query),
  };
}

function parseQuery(query: string): [string, string][] {
  return query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const at = pair.indexOf("=");
      return at < 0
        ? [unescapeQuery(pair), ""]
        : [unescapeQuery(pair.slice(0, at)), unescapeQuery(pair.slice(at + 1))];
    });
}

function unescapeQuery(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}

/**
 * The query of a logger URI as its arguments: each key once, in the order written, followed by its first value unless
 * that is empty.
 */
export function loggerArguments(query: StdioUri["query"]): string[] {
  const first = new Map<string, string>();
  for (const [key, value] of query) if (!first.has(key)) first.set(key, value);
  return [...first].flatMap(([key, value]) => (value === "" ? [key] : [key, value]));
}

/** A path that a URI must not name, and why. */
export class UnsafePathError extends Error {
  override readonly name = "UnsafePathError";
}

/**
 * The path of a URI as a path of Windows: `/C:/x/../y` → `C:\y`, `/x` → `\x`.
 *
 * @throws {UnsafePathError} for what would leave this machine or its drives (`\\server\share`)
 */
export function windowsPath(path: string): string {
  const clean = win32.normalize(path);
  if (clean.startsWith("\\\\"))
    throw new UnsafePathError(`path "${path}" is unsafe: it names a network share`);
  return clean.includes(":\\") ? clean.replace(/^\\/, "") : clean;
}
