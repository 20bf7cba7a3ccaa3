/**
 * Copies between a place of the host that the client trusts and a directory that a container can write to. The container
 * may put links there at any moment, so none is followed below that directory, on the way in or out.
 */
import { constants, type Dirent } from "node:fs";
import { mkdir, open, readdir, stat, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { openTree, type Tree } from "../../agent/files/tree.ts";
import { ClientError } from "../errors.ts";
import { requireSize, type CopiedFile, type CopyOptions } from "./transport.ts";

const { O_RDONLY, O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

/** Bytes read and written at once. */
const PIECE = 1 << 20;

/** What a container can write to, and a path below it. */
export interface ConfinedPath {
  /** A directory, or a file when there are no components. */
  readonly root: string;
  readonly components: readonly string[];
}

/** @throws {ClientError} where a link or a special file is on the way; nothing outside of `target.root` is changed */
export async function copyInto(
  hostPath: string,
  target: ConfinedPath,
  options: CopyOptions,
): Promise<CopiedFile> {
  const found = await stat(hostPath);
  const { tree, components } = await treeOf(target);
  try {
    if (found.isFile()) {
      if (options.mkdirs === true) tree.directory(components.slice(0, -1), { create: true });
      return await writeInto(hostPath, tree, components, options);
    }
    if (!found.isDirectory()) throw neither(hostPath);
    requireRecursive(hostPath, options);
    if (options.mkdirs === true) tree.directory(components.slice(0, -1), { create: true });
    return { bytes: await writeDirectory(hostPath, tree, components, options) };
  } finally {
    tree.close();
  }
}

/** @throws {ClientError} where a link or a special file is on the way */
export async function copyOutOf(
  source: ConfinedPath,
  hostPath: string,
  options: CopyOptions,
): Promise<CopiedFile> {
  const { tree, components } = await treeOf(source);
  try {
    const entry = entryOf(tree, components);
    if (entry === undefined || entry.isDirectory()) {
      requireRecursive(join(source.root, ...components), options);
      return { bytes: await readDirectory(tree, components, hostPath, options) };
    }
    if (options.mkdirs === true) await mkdir(dirname(hostPath), { recursive: true });
    return await readOutOf(tree, components, hostPath, options);
  } finally {
    tree.close();
  }
}

async function treeOf({ root, components }: ConfinedPath): Promise<{ tree: Tree; components: string[] }> {
  if ((await stat(root)).isDirectory()) return { tree: openTree(root), components: [...components] };
  if (components.length === 0) return { tree: openTree(dirname(root)), components: [basename(root)] };
  throw new ClientError("NotFound", `${root} is a file: there is nothing below it`, { path: root });
}

/** Undefined for the root itself. @throws ENOENT when nothing is there */
function entryOf(tree: Tree, components: readonly string[]): Dirent | undefined {
  const name = components.at(-1);
  if (name === undefined) return undefined;
  const entry = tree
    .directory(components.slice(0, -1))
    .list()
    .find((each) => each.name === name);
  if (entry !== undefined) return entry;
  throw new ClientError("NotFound", `${join(tree.root, ...components)}: no such file or directory`, {
    path: join(tree.root, ...components),
  });
}

async function writeDirectory(
  hostPath: string,
  tree: Tree,
  components: readonly string[],
  options: CopyOptions,
): Promise<number> {
  tree.directory(components, { create: true });
  let bytes = 0;
  for (const name of (await readdir(hostPath)).sort()) {
    const child = join(hostPath, name);
    // Links of the host are followed: what they name may mean nothing in the container.
    const found = await stat(child);
    if (found.isDirectory()) bytes += await writeDirectory(child, tree, [...components, name], options);
    else if (found.isFile())
      ({ bytes } = plus(bytes, await writeInto(child, tree, [...components, name], options)));
    else throw neither(child);
  }
  return bytes;
}

async function readDirectory(
  tree: Tree,
  components: readonly string[],
  hostPath: string,
  options: CopyOptions,
): Promise<number> {
  await mkdir(hostPath, { recursive: true });
  let bytes = 0;
  // A list, not the open directory: its handle may be closed while deeper ones are read.
  for (const entry of tree.directory(components).list()) {
    const [inside, outside] = [[...components, entry.name], join(hostPath, entry.name)];
    if (entry.isDirectory()) bytes += await readDirectory(tree, inside, outside, options);
    else ({ bytes } = plus(bytes, await readOutOf(tree, inside, outside, options)));
  }
  return bytes;
}

async function writeInto(
  hostPath: string,
  tree: Tree,
  components: readonly string[],
  options: CopyOptions,
): Promise<CopiedFile> {
  await using source = await open(hostPath, O_RDONLY);
  await using target = await openConfined(tree, components, O_WRONLY | O_CREAT | O_TRUNC);
  // Awaited here: the handles are closed when this block is left.
  return await copyBetween(source, target, hostPath, options);
}

async function readOutOf(
  tree: Tree,
  components: readonly string[],
  hostPath: string,
  options: CopyOptions,
): Promise<CopiedFile> {
  await using source = await openConfined(tree, components, O_RDONLY);
  // In the place of a file a link may stand, which is not to be written through.
  await using target = await open(hostPath, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  return await copyBetween(source, target, join(tree.root, ...components), options);
}

async function openConfined(tree: Tree, components: readonly string[], flags: number): Promise<FileHandle> {
  const path = join(tree.root, ...components);
  const entry = tree.directory(components.slice(0, -1)).entry(components.at(-1) ?? "");
  try {
    // A FIFO would otherwise have the client wait for its other end.
    const handle = await open(entry, flags | O_NOFOLLOW | O_NONBLOCK, 0o600);
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ELOOP") throw refused(path, "is a link, which may lead out of what is shared", cause);
    if (code !== "ENXIO") throw Object.assign(new Error(`cannot open ${path}: ${code}`, { cause }), { code });
  }
  throw neither(path);
}

async function copyBetween(
  source: FileHandle,
  target: FileHandle,
  name: string,
  options: CopyOptions,
): Promise<CopiedFile> {
  const { size, mode, atime, mtime } = await source.stat();
  requireSize(name, size, options);
  const buffer = Buffer.allocUnsafe(PIECE);
  let bytes = 0;
  for (;;) {
    const { bytesRead } = await source.read(buffer, 0, PIECE, null);
    if (bytesRead === 0) break;
    for (let written = 0; written < bytesRead;)
      written += (await target.write(buffer, written, bytesRead - written, null)).bytesWritten;
    bytes += bytesRead;
    options.onProgress?.(bytesRead);
  }
  await target.chmod(mode & 0o7777);
  await target.utimes(atime, mtime);
  return { bytes, mode: mode & 0o7777 };
}

function plus(bytes: number, copied: CopiedFile): CopiedFile {
  return { bytes: bytes + copied.bytes };
}

function requireRecursive(path: string, options: CopyOptions): void {
  if (options.recursive !== true) throw refused(path, "is a directory: copy it with recursive");
}

function neither(path: string): ClientError {
  return refused(path, "is neither a file nor a directory");
}

function refused(path: string, why: string, cause?: unknown): ClientError {
  return new ClientError("InvalidArgument", `${path} ${why}`, { path, cause });
}
