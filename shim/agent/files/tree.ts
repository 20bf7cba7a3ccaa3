/**
 * Files below a directory, reached without ever following a link: what `openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)` is
 * for. Whoever can write below the root may swap directories for links at any moment, so checking a path and then using
 * it is not enough.
 *
 * On Linux each directory is opened relative to the one above it (`/proc/self/fd/<n>/<name>` with `O_NOFOLLOW`), and files
 * are named relative to the directory that is open: nothing is looked up twice. Windows has no such names; there each
 * component is looked at before it is used, links and junctions are refused, and what remains is the moment in between.
 */
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  type Dirent,
} from "node:fs";
import { join } from "node:path";
import { AgentError } from "../protocol/errors.ts";
import { LIMITS } from "../protocol/limits.ts";

const { O_DIRECTORY, O_NOFOLLOW } = constants;
/** Linux: a handle that names the directory and can do nothing else with it. */
const O_PATH = 0o10000000;

/** A directory below the root, good until the next call of the tree it came from. */
export interface Directory {
  /** The path of an entry of it. */
  entry(name: string): string;
  list(): Dirent[];
}

export interface Tree {
  readonly root: string;
  /** @param create makes what is missing @throws where a component is a link or no directory */
  directory(components: readonly string[], options?: { readonly create?: boolean }): Directory;
  close(): void;
}

/** @param root a directory that exists; it is trusted itself, and may be reached over links */
export function openTree(root: string, platform: NodeJS.Platform = process.platform): Tree {
  return platform === "win32" ? new CheckedTree(root) : new HandleTree(root);
}

class HandleTree implements Tree {
  readonly root: string;
  readonly #root: number;
  /** By path, the one used longest ago first. */
  readonly #open = new Map<string, number>();

  constructor(root: string) {
    if (!existsSync("/proc/self/fd"))
      throw new AgentError("failed precondition", `cannot open "${root}": /proc is not mounted`);
    this.root = root;
    this.#root = openSync(root, O_PATH | O_DIRECTORY);
  }

  directory(components: readonly string[], { create = false } = {}): Directory {
    return handleDirectory(this.#resolve(components, create));
  }

  #resolve(components: readonly string[], create: boolean): number {
    const name = components.at(-1);
    if (name === undefined) return this.#root;
    const key = components.join("/");
    const known = this.#open.get(key);
    if (known !== undefined) {
      this.#open.delete(key);
      this.#open.set(key, known);
      return known;
    }
    const parent = this.#resolve(components.slice(0, -1), create);
    const path = `/proc/self/fd/${parent}/${name}`;
    let handle: number;
    try {
      handle = openDirectory(path);
    } catch (error) {
      if (!create || (error as NodeJS.ErrnoException).code !== "ENOENT") throw named(error, key);
      makeDirectory(path);
      handle = openDirectory(path);
    }
    this.#open.set(key, handle);
    this.#closeOldest();
    return handle;
  }

  /** Parents are opened before their children and are younger after each use: the oldest is none of those in use. */
  #closeOldest(): void {
    if (this.#open.size <= LIMITS.openDirectories) return;
    const [oldest] = this.#open;
    if (oldest === undefined) return;
    this.#open.delete(oldest[0]);
    closeSync(oldest[1]);
  }

  close(): void {
    for (const handle of this.#open.values()) closeSync(handle);
    this.#open.clear();
    closeSync(this.#root);
  }
}

function openDirectory(path: string): number {
  return openSync(path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, 0o755);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function handleDirectory(handle: number): Directory {
  const path = `/proc/self/fd/${handle}`;
  return {
    entry: (name) => `${path}/${name}`,
    // The trailing dot: the handle cannot be read, the directory it names can.
    list: () => readdirSync(`${path}/.`, { withFileTypes: true }),
  };
}

/** The system's message names a handle; people need the path. */
function named(error: unknown, path: string): Error {
  const { code = "EIO" } = error as NodeJS.ErrnoException;
  const why = code === "ENOTDIR" || code === "ELOOP" ? "a part of it is a link or no directory" : code;
  return Object.assign(new Error(`cannot open directory "${path}": ${why}`, { cause: error }), { code });
}

class CheckedTree implements Tree {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  directory(components: readonly string[], { create = false } = {}): Directory {
    let path = this.root;
    for (const [index, component] of components.entries()) {
      path = join(path, component);
      const key = components.slice(0, index + 1).join("/");
      let found = lstatSync(path, { throwIfNoEntry: false });
      if (found === undefined && create) {
        makeDirectory(path);
        found = lstatSync(path, { throwIfNoEntry: false });
      }
      // A junction shows as a link too.
      if (found === undefined || found.isSymbolicLink() || !found.isDirectory())
        throw named(Object.assign(new Error(), { code: found === undefined ? "ENOENT" : "ENOTDIR" }), key);
    }
    return {
      entry: (name) => join(path, name),
      list: () => readdirSync(path, { withFileTypes: true }),
    };
  }

  close(): void {
    // Holds nothing.
  }
}
