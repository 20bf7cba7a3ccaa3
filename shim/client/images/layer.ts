/**
 * Applies a layer of an image to a directory that holds those below it (OCI image specification, "Image Layer Filesystem
 * Changeset"): files are added and replaced, whiteouts take away. The result is one plain directory.
 *
 * An archive is not trusted: no name leads out of the directory, and no component of a path is a symbolic link that an
 * earlier entry made.
 */
import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import { chmod, lchown, link, lstat, lutimes, mkdir, readdir, rm, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { promisify } from "node:util";
import type { ParsedTarEntry, TarHeader } from "modern-tar";
import { ClientError } from "../errors.ts";
import { archiveError, tarEntries } from "./tar.ts";

export interface ApplyOptions {
  /** Name of the layer, for errors. */
  readonly name: string;
  /** Added to the owners of all files. */
  readonly idMapping?: { readonly uid: number; readonly gid: number };
}

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/** @param source the layer's archive, uncompressed */
export async function applyLayer(source: Readable, directory: string, options: ApplyOptions): Promise<void> {
  const layer = new LayerTarget(directory, options);
  for await (const entry of tarEntries(source, options.name)) {
    try {
      await layer.apply(entry);
    } catch (error) {
      throw archiveError(options.name, error);
    }
    // What was not read, of entries that have no content.
    if (!entry.body.locked) await entry.body.cancel();
  }
  await layer.finish();
}

class LayerTarget {
  readonly #root: string;
  readonly #options: ApplyOptions;
  /** Paths that this layer itself has made: an opaque directory hides all but them. */
  readonly #own = new Set<string>();
  /** Directories known to be directories. */
  readonly #directories = new Set<string>([""]);
  /** Set last: making a member changes a directory's time. */
  readonly #times = new Map<string, Date>();

  constructor(root: string, options: ApplyOptions) {
    this.#root = root;
    this.#options = options;
  }

  async apply({ header, body }: ParsedTarEntry): Promise<void> {
    const path = this.#clean(header.name);
    if (path === "") return this.#attributes("", header);
    const name = basename(path);
    const parent = parentOf(path);
    await this.#makeParents(parent, header.name);
    if (name === OPAQUE) return this.#hideBelow(parent);
    if (name.startsWith(WHITEOUT)) {
      const hidden = join(parent, name.slice(WHITEOUT.length));
      // `.wh...` would name the parent's parent.
      if (["", ".", ".."].includes(name.slice(WHITEOUT.length))) throw this.#refusal(header.name);
      this.#forget(hidden);
      await rm(join(this.#root, hidden), { recursive: true, force: true });
      return;
    }
    this.#own.add(path);
    await this.#make(path, header, body);
  }

  async finish(): Promise<void> {
    for (const [path, time] of [...this.#times].reverse()) await lutimes(join(this.#root, path), time, time);
  }

  async #make(path: string, header: TarHeader, body: ParsedTarEntry["body"]): Promise<void> {
    const target = join(this.#root, path);
    if (header.type === "directory") {
      if (!(await this.#isDirectory(path))) {
        await this.#clear(path);
        await mkdir(target);
      }
      this.#directories.add(path);
      return this.#attributes(path, header);
    }
    await this.#clear(path);
    switch (header.type ?? "file") {
      case "file":
        await pipeline(Readable.fromWeb(body as ReadableStream), createWriteStream(target, { flags: "wx" }));
        break;
      case "symlink":
        await symlink(header.linkname ?? "", target);
        break;
      case "link":
        await this.#hardLink(header, target);
        return;
      case "fifo":
        // Node has no mkfifo(3).
        await promisify(execFile)("mkfifo", [target]);
        break;
      case "character-device":
      case "block-device":
        // Containers have the devices their runtime makes; those of an image would be the host's.
        return;
      default:
        throw this.#refusal(header.name);
    }
    await this.#attributes(path, header);
  }

  async #hardLink({ name, linkname = "" }: TarHeader, target: string): Promise<void> {
    const path = this.#clean(linkname);
    await this.#makeParents(parentOf(path), name);
    await link(join(this.#root, path), target);
  }

  async #attributes(path: string, header: TarHeader): Promise<void> {
    const target = join(this.#root, path);
    const { uid = 0, gid = 0, mode = 0o755, mtime } = header;
    const { idMapping = { uid: 0, gid: 0 } } = this.#options;
    if (process.getuid?.() === 0) await lchown(target, uid + idMapping.uid, gid + idMapping.gid);
    // After the owner, whose change takes the set-id bits away.
    if (header.type !== "symlink") await chmod(target, mode & 0o7777);
    if (mtime === undefined) return;
    if (header.type === "directory") this.#times.set(path, mtime);
    else await lutimes(target, mtime, mtime);
  }

  /** Whatever is at `path` goes: a file takes the place of a directory, and no link is followed. */
  async #clear(path: string): Promise<void> {
    this.#forget(path);
    await rm(join(this.#root, path), { recursive: true, force: true });
  }

  #forget(path: string): void {
    for (const set of [this.#directories, this.#times]) {
      for (const key of set.keys()) if (key === path || key.startsWith(`${path}/`)) set.delete(key);
    }
  }

  async #hideBelow(parent: string): Promise<void> {
    for (const name of await readdir(join(this.#root, parent))) {
      const path = parent === "" ? name : `${parent}/${name}`;
      const isOwn = [...this.#own].some((own) => own === path || own.startsWith(`${path}/`));
      if (!isOwn) await this.#clear(path);
      else if (await this.#isDirectory(path)) await this.#hideBelow(path);
    }
  }

  /** Archives may leave out directories; those there are must be real ones. */
  async #makeParents(path: string, name: string): Promise<void> {
    if (this.#directories.has(path)) return;
    await this.#makeParents(parentOf(path), name);
    if (!(await this.#isDirectory(path))) {
      const there = await lstat(join(this.#root, path)).catch(() => undefined);
      if (there !== undefined) throw this.#refusal(name);
      await mkdir(join(this.#root, path), { mode: 0o755 });
    }
    this.#directories.add(path);
  }

  async #isDirectory(path: string): Promise<boolean> {
    const found = await lstat(join(this.#root, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    return found?.isDirectory() === true;
  }

  #clean(name: string): string {
    const parts = name.split("/").filter((part) => part !== "" && part !== ".");
    if (parts.includes("..") || name.includes("\0")) throw this.#refusal(name);
    return parts.join("/");
  }

  #refusal(name: string): ClientError {
    return new ClientError(
      "InvalidArgument",
      `cannot unpack ${this.#options.name}: entry "${name}" leads out of the root file system, or through something that is no directory`,
      { entry: name },
    );
  }
}

function parentOf(path: string): string {
  const parent = dirname(path);
  return parent === "." ? "" : parent;
}
