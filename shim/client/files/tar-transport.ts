/** Files as a tar stream through a `tar` that runs in the container. It keeps modes and times; the guest confines paths. */
import { createReadStream, createWriteStream, type Stats } from "node:fs";
import { chmod, lstat, mkdir, readdir, stat, utimes } from "node:fs/promises";
import path, { dirname, join, posix, win32 } from "node:path";
import { Readable, Transform, type Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { createTarPacker, type TarHeader, type TarPackController } from "modern-tar";
import { asError } from "../../errors.ts";
import type { Container } from "../container.ts";
import { ClientError } from "../errors.ts";
import { tarEntries } from "../images/tar.ts";
import { makeDirectories } from "./guest-programs.ts";
import { lastLine } from "./run-inside.ts";
import {
  requireSize,
  type CopiedFile,
  type CopyOptions,
  type FileCopy,
  type FileTransport,
} from "./transport.ts";

/** What files from hosts without modes get. */
const DEFAULT_MODE = { file: 0o644, directory: 0o755 } as const;

export const tarTransport: FileTransport = {
  name: "a tar program in it",
  serves: async (container) => (await container.info()).status === "running",
  upload,
  download,
};

async function upload(container: Container, copy: FileCopy, options: CopyOptions): Promise<CopiedFile> {
  const found = await stat(copy.hostPath);
  if (found.isDirectory() && options.recursive !== true)
    throw new ClientError("InvalidArgument", `${copy.hostPath} is a directory: copy it with recursive`, {
      path: copy.hostPath,
    });
  const { directory, name } = await split(container, copy.containerPath);
  if (options.mkdirs === true) await makeDirectories(container, directory);
  const process = await container.spawn(
    { args: ["tar", "-xf", "-", "-C", directory] },
    { output: "pipe", input: true },
  );
  process.stdout?.resume();
  const said = process.stderr === undefined ? Promise.resolve(Buffer.alloc(0)) : buffer(process.stderr);
  const packed = new Packing(options);
  let failure: unknown;
  try {
    await packed.into(process.stdin, copy.hostPath, name, found);
  } catch (error) {
    failure = error;
    process.stdin?.destroy();
  }
  const { exitCode } = await process.wait();
  if (failure instanceof ClientError) throw failure;
  // What tar says tells more than that it no longer reads.
  if (exitCode !== 0)
    throw new ClientError("Unknown", lastLine(await said) || `tar ended with status ${exitCode}`, {
      cause: failure,
    });
  if (failure !== undefined) throw asError(failure);
  return { bytes: packed.bytes, ...(found.isFile() ? { mode: modeOf(found) } : {}) };
}

/** The contents of a file or a directory, as archive. */
class Packing {
  readonly #options: CopyOptions;
  bytes = 0;

  constructor(options: CopyOptions) {
    this.#options = options;
  }

  async into(target: Writable | undefined, source: string, name: string, found: Stats): Promise<void> {
    if (target === undefined) throw new ClientError("Unknown", "tar has no input");
    const { readable, controller } = createTarPacker();
    const writing = pipeline(Readable.fromWeb(readable as unknown as ReadableStream), target);
    // Awaited below; when the other end goes first, this one must not be an unhandled rejection.
    writing.catch(() => undefined);
    const packing = this.#pack(controller, source, name, found).then(
      () => controller.finalize(),
      (error: unknown) => {
        controller.error(error);
        throw error;
      },
    );
    // A reader that ends early leaves the packer waiting for ever.
    await Promise.race([packing, writing.then(() => packing)]);
    await writing;
  }

  async #pack(controller: TarPackController, source: string, name: string, found: Stats): Promise<void> {
    if (found.isDirectory()) {
      await this.#add(controller, header(`${name}/`, found, "directory", 0));
      for (const member of (await readdir(source)).sort()) {
        const child = join(source, member);
        // Links are followed: what they name may mean nothing in the container.
        await this.#pack(controller, child, `${name}/${member}`, await stat(child));
      }
      return;
    }
    if (!found.isFile())
      throw new ClientError("InvalidArgument", `${source} is neither a file nor a directory`, {
        path: source,
      });
    requireSize(source, found.size, this.#options);
    await this.#add(controller, header(name, found, "file", found.size), source);
  }

  async #add(controller: TarPackController, entry: TarHeader, source?: string): Promise<void> {
    const body = controller.add(entry);
    const writer = body.getWriter();
    if (source !== undefined) {
      for await (const piece of createReadStream(source, {
        highWaterMark: 256 * 1024,
      }) as AsyncIterable<Buffer>) {
        await writer.ready;
        await writer.write(piece);
        this.bytes += piece.length;
        this.#options.onProgress?.(piece.length);
      }
    }
    await writer.close();
  }
}

async function download(container: Container, copy: FileCopy, options: CopyOptions): Promise<CopiedFile> {
  const { directory, name } = await split(container, copy.containerPath);
  // Links are followed, as they are on the way in.
  const process = await container.spawn(
    { args: ["tar", "-chf", "-", "-C", directory, name] },
    { output: "pipe" },
  );
  const said = process.stderr === undefined ? Promise.resolve(Buffer.alloc(0)) : buffer(process.stderr);
  let result: CopiedFile = { bytes: 0 };
  let failure: unknown;
  try {
    if (process.stdout !== undefined) result = await unpack(process.stdout, name, copy, options);
  } catch (error) {
    failure = error;
    await process.kill("SIGKILL").catch(() => undefined);
  }
  const { exitCode } = await process.wait();
  // An archive that breaks off is what comes of a tar that fails; it says why itself.
  if (failure instanceof ClientError && failure.details["archive"] === undefined) throw failure;
  if (exitCode !== 0)
    throw new ClientError("Unknown", lastLine(await said) || `tar ended with status ${exitCode}`, {
      cause: failure,
    });
  if (failure !== undefined) throw asError(failure);
  return result;
}

/** What the container sends is not trusted: names stay below the target, and only files and directories are made. */
async function unpack(
  source: Readable,
  name: string,
  copy: FileCopy,
  options: CopyOptions,
): Promise<CopiedFile> {
  let bytes = 0;
  let mode: number | undefined;
  for await (const { header: entry, body } of tarEntries(source, `of ${copy.containerPath}`)) {
    const target = targetOf(entry.name, name, copy.hostPath);
    if (entry.type === "directory") {
      await body.cancel();
      if (options.recursive !== true)
        throw new ClientError("InvalidArgument", `it is a directory: copy it with recursive`, {
          path: copy.containerPath,
        });
      await mkdir(target, { recursive: true });
      continue;
    }
    if (entry.type !== "file") {
      await body.cancel();
      throw new ClientError("InvalidArgument", `"${entry.name}" is neither a file nor a directory`, {
        path: entry.name,
      });
    }
    requireSize(entry.name, entry.size, options);
    await refuseLink(target);
    if (options.mkdirs === true) await mkdir(dirname(target), { recursive: true });
    const counted = new Transform({
      transform(piece: Buffer, _encoding, done) {
        bytes += piece.length;
        options.onProgress?.(piece.length);
        done(null, piece);
      },
    });
    await pipeline(Readable.fromWeb(body as ReadableStream), counted, createWriteStream(target));
    await chmod(target, (entry.mode ?? DEFAULT_MODE.file) & 0o777);
    if (entry.mtime !== undefined) await utimes(target, entry.mtime, entry.mtime);
    if (entry.name === name) mode = entry.mode;
  }
  return { bytes, ...(mode === undefined ? {} : { mode: mode & 0o7777 }) };
}

function targetOf(entry: string, name: string, hostPath: string): string {
  const parts = entry.split("/").filter((part) => part !== "" && part !== ".");
  const [first, ...rest] = parts;
  const isInside =
    first === name &&
    !parts.includes("..") &&
    !parts.some((part) => part.includes("\\") && path.sep === "\\");
  if (isInside) return join(hostPath, ...rest);
  throw new ClientError("InvalidArgument", `the container sent "${entry}", which was not asked for`, {
    entry,
  });
}

/** A file must not be written through a link that stands in its place. */
async function refuseLink(target: string): Promise<void> {
  const found = await lstat(target).catch(() => undefined);
  if (found?.isSymbolicLink() === true)
    throw new ClientError("FailedPrecondition", `${target} is a symbolic link`, { path: target });
}

async function split(container: Container, file: string): Promise<{ directory: string; name: string }> {
  const { os } = await container.info();
  const rules = os === "windows" ? win32 : posix;
  const clean = rules.normalize(file).replace(/(?<=.)[\\/]+$/, "");
  const name = rules.basename(clean);
  if (name === "")
    throw new ClientError("InvalidArgument", "the root of the container has no name to be copied by", {
      path: file,
    });
  return { directory: rules.dirname(clean), name };
}

function header(name: string, found: Stats, type: "file" | "directory", size: number): TarHeader {
  return { name, size, type, mode: modeOf(found), mtime: found.mtime, uid: 0, gid: 0 };
}

function modeOf(found: Stats): number {
  if (process.platform !== "win32") return found.mode & 0o7777;
  return found.isDirectory() ? DEFAULT_MODE.directory : DEFAULT_MODE.file;
}
