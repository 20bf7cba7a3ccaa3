/**
 * Reads files below a directory and gives them in pieces. Only regular files go: links, devices, sockets and FIFOs are
 * left out, and whatever turns into one while it is being opened is too.
 */
import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { basename, dirname } from "node:path";
import { readWirePath } from "../paths/wire-path.ts";
import { AgentError } from "../protocol/errors.ts";
import { CHUNK_BYTES, type FileLimits } from "../protocol/limits.ts";
import { MODE_KNOWN } from "../protocol/wire.ts";
import type { FileFrame, FilePosition } from "./frame.ts";
import { openTree, type Directory, type Tree } from "./tree.ts";

const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

export interface SendOptions {
  readonly limits: FileLimits;
  /** What a total is called in messages: `output files`. */
  readonly what: string;
  /** Only these; all without. */
  readonly wants?: (path: string) => boolean;
  /** What the other end has already. */
  readonly have?: readonly FilePosition[];
}

interface Found {
  readonly path: string;
  readonly components: readonly string[];
}

interface Budget {
  files: number;
  bytes: number;
}

const NOTHING = new Uint8Array();

/**
 * The files below `root`, or the file that it is, in the order of their paths. A frame is good until the next one is
 * asked for: its chunk is one buffer that is used again.
 */
export function* sendFiles(root: string, options: SendOptions): Generator<FileFrame> {
  const have = new Map((options.have ?? []).map((position) => [position.path, position]));
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const budget: Budget = { files: 0, bytes: 0 };
  const isFile = lstatSync(root).isFile();
  const tree = openTree(isFile ? dirname(root) : root);
  try {
    const found = isFile ? [{ path: basename(root), components: [basename(root)] }] : walk(tree, []);
    for (const file of found) {
      if (options.wants?.(file.path) === false) continue;
      yield* sendFile(tree, file, have.get(file.path), { options, budget, buffer });
    }
  } finally {
    tree.close();
  }
}

/** Paths of the files below the root, for whoever wants to know how much it is first. */
export function* listFiles(root: string): Generator<{ readonly path: string; readonly bytes: number }> {
  const found = lstatSync(root);
  if (found.isFile()) {
    yield { path: basename(root), bytes: found.size };
    return;
  }
  const tree = openTree(root);
  try {
    for (const { path, components } of walk(tree, [])) {
      const entry = tree.directory(components.slice(0, -1)).entry(components.at(-1) ?? "");
      yield { path, bytes: lstatSync(entry).size };
    }
  } finally {
    tree.close();
  }
}

/** Whether a path is one of those that patterns (`*`, `?`, `**`) ask for; without patterns every path is. */
export function pathFilter(patterns: readonly string[]): ((path: string) => boolean) | undefined {
  if (patterns.length === 0) return undefined;
  const matchers = patterns.map(globMatcher);
  return (path) => matchers.some((matches) => matches(path));
}

/** `**` crosses directories, `*` and `?` do not; a pattern without wildcards also takes what is below it. */
function globMatcher(pattern: string): (path: string) => boolean {
  if (!/[*?]/.test(pattern)) return (path) => path === pattern || path.startsWith(`${pattern}/`);
  const source = pattern
    .split(/(\*\*\/|\*\*|\*|\?)/)
    .map((part) => GLOB[part] ?? part.replace(/[.+^${}()|[\]\\]/g, "\\$&"))
    .join("");
  const expression = new RegExp(`^${source}$`, "s");
  return (path) => expression.test(path);
}

const GLOB: Readonly<Record<string, string>> = {
  "**/": "(?:.*/)?",
  "**": ".*",
  "*": "[^/]*",
  "?": "[^/]",
};

function* walk(tree: Tree, above: readonly string[]): Generator<Found> {
  // A list, not the open directory: its handle may be closed while deeper ones are read.
  const entries = tree.directory(above).list();
  entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const entry of entries) {
    const components = [...above, entry.name];
    const path = components.join("/");
    if (entry.isDirectory()) {
      readWirePath(path);
      yield* walk(tree, components);
    } else if (entry.isFile()) {
      readWirePath(path);
      yield { path, components };
    }
  }
}

interface SendContext {
  readonly options: SendOptions;
  readonly budget: Budget;
  readonly buffer: Buffer;
}

function* sendFile(
  tree: Tree,
  { path, components }: Found,
  had: FilePosition | undefined,
  { options: { limits, what }, budget, buffer }: SendContext,
): Generator<FileFrame> {
  const fd = openRegular(tree.directory(components.slice(0, -1)), components.at(-1) ?? "");
  if (fd === undefined) return;
  try {
    const stat = fstatSync(fd, { bigint: true });
    budget.files += 1;
    if (budget.files > limits.files) throw tooMuch(`number of ${what}`, limits.files);
    if (stat.size > BigInt(limits.fileBytes)) throw tooMuch(`bytes of "${path}"`, limits.fileBytes);
    // What has changed since is sent from its beginning.
    const isSame = had !== undefined && had.size === stat.size && had.mtimeNs === stat.mtimeNs;
    if (isSame && had.done) return;
    const hash = createHash("sha256");
    const start = isSame && had.offset <= stat.size ? Number(had.offset) : 0;
    for (let at = 0; at < start;) {
      const count = readSync(fd, buffer, 0, Math.min(buffer.length, start - at), at);
      if (count === 0) throw new AgentError("failed precondition", `file "${path}" became shorter`);
      hash.update(buffer.subarray(0, count));
      at += count;
    }
    const mode = Number(stat.mode & 0o777n) + MODE_KNOWN;
    const about = { path, size: stat.size, mtimeNs: stat.mtimeNs };
    const piece = { ...about, eof: false, sha256: NOTHING, mode: 0, offset: BigInt(start) };
    // Files of the kernel's have content and no size.
    const end = stat.size === 0n ? Infinity : Number(stat.size);
    for (let at = start, isFirst = true; ; isFirst = false) {
      const count = readSync(fd, buffer, 0, Math.min(buffer.length, end - at), at);
      budget.bytes += count;
      if (budget.bytes > limits.totalBytes) throw tooMuch(`bytes of all ${what}`, limits.totalBytes);
      const chunk = buffer.subarray(0, count);
      hash.update(chunk);
      at += count;
      // In one piece with the end: most files are small. What became shorter ends where it ends now.
      const isLast = count === 0 || at === end;
      const last = isLast ? { eof: true, sha256: hash.digest(), mode } : {};
      yield { ...piece, chunk, offset: isFirst ? piece.offset : 0n, ...last };
      if (isLast) return;
    }
  } finally {
    closeSync(fd);
  }
}

/** Undefined for what is no regular file (any more). A FIFO must not keep us waiting for a writer. */
function openRegular(directory: Directory, name: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(directory.entry(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ELOOP" || code === "ENOENT" || code === "ENXIO") return undefined;
    throw error;
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  return undefined;
}

function tooMuch(what: string, limit: number): AgentError {
  return new AgentError("resource exhausted", `too much: ${what} may be at most ${limit}`);
}
