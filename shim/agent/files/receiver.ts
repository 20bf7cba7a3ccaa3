/**
 * Writes files that come in pieces below a directory. Every path is checked, every file is written beside its place and
 * renamed into it when it is complete and its digest is right, and what is more than the limits is refused before it is
 * written. File calls are synchronous: a piece is at most 1 MiB and goes to the page cache, which takes less time
 * than a trip through the thread pool.
 */
import { createHash, randomBytes, type Hash } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  ftruncateSync,
  futimesSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { readWirePath, type WirePath } from "../paths/wire-path.ts";
import { AgentError } from "../protocol/errors.ts";
import { LIMITS, type FileLimits } from "../protocol/limits.ts";
import { MODE_KNOWN } from "../protocol/wire.ts";
import type { FileFrame, FilePosition } from "./frame.ts";
import { openTree, type Directory, type Tree } from "./tree.ts";

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = constants;

const DEFAULT_MODE = 0o644;

export interface ReceiverOptions {
  /** A directory that exists. */
  readonly root: string;
  readonly limits: FileLimits;
  /** What a total is called in messages: `input files`. */
  readonly what: string;
  /** Files get their names when all are here, not one by one. */
  readonly allAtOnce?: boolean;
  /** Paths that differ by letter case alone are one file. */
  readonly foldsCase?: boolean;
}

/** A file that is complete. */
export interface ReceivedFile {
  readonly file: WirePath;
  readonly bytes: number;
  readonly sha256: Uint8Array;
}

interface Completed extends ReceivedFile {
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

/** A file beside its place. */
interface Unnamed {
  readonly file: WirePath;
  readonly temporary: string;
}

interface Incoming extends Unnamed {
  hash: Hash;
  /** The stream broke; the next piece says where it goes on. */
  interrupted: boolean;
  fd: number | undefined;
  bytes: number;
  size: bigint;
  mtimeNs: bigint;
}

export class FileReceiver {
  readonly #options: ReceiverOptions;
  readonly #tree: Tree;
  readonly #incoming = new Map<string, Incoming>();
  readonly #done = new Map<string, Completed>();
  /** Complete before the stream broke: may come again, if they have changed. */
  readonly #earlier = new Map<string, Completed>();
  /** Every directory that a file lies in, by key. */
  readonly #directories = new Set<string>();
  /** Complete, and not yet where they belong. */
  readonly #unnamed: Unnamed[] = [];
  /** Those with an open handle, the one used longest ago first. */
  readonly #open = new Set<Incoming>();
  #files = 0;
  #bytes = 0;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#tree = openTree(options.root);
  }

  /** Bytes that came in. */
  get bytes(): number {
    return this.#bytes;
  }

  get files(): readonly ReceivedFile[] {
    return [...this.#earlier.values(), ...this.#done.values()];
  }

  /** @throws {AgentError | PathRefusal} or an error of the file system; nothing of this piece is written then */
  receive(frame: FileFrame): void {
    if (frame.chunk.length > LIMITS.chunkBytes) throw exceeded("bytes of a chunk", LIMITS.chunkBytes);
    const key = this.#keyOf(frame.path);
    const incoming = this.#incoming.get(key) ?? this.#begin(frame);
    if (incoming.file.path !== frame.path) throw sameFile(frame.path, incoming.file.path);
    if (incoming.interrupted) this.#goOn(incoming, frame);
    this.#write(incoming, frame.chunk);
    if (frame.eof) this.#finish(key, incoming, frame);
  }

  /** The sender has ended: what it did not end itself is complete. */
  finish(): void {
    for (const [key, incoming] of [...this.#incoming]) this.#finish(key, incoming, undefined);
    for (const waiting of this.#unnamed.splice(0)) this.#giveName(waiting);
  }

  /** As {@link finish}, for a sender who ends every file himself. @throws {AgentError} where one has not ended */
  complete(): void {
    const [open] = this.#incoming.values();
    if (open !== undefined)
      throw new AgentError("invalid argument", `file "${open.file.path}" did not come to its end`);
    this.finish();
  }

  /** The stream broke, another one goes on. */
  resume(): void {
    for (const [key, file] of this.#done) this.#earlier.set(key, file);
    this.#done.clear();
    for (const incoming of this.#incoming.values()) incoming.interrupted = true;
  }

  /** What is here, for another attempt to go on with. */
  positions(): FilePosition[] {
    const partial = [...this.#incoming.values()].map(({ file, bytes, size, mtimeNs }) => ({
      path: file.path,
      offset: BigInt(bytes),
      done: false,
      size,
      mtimeNs,
    }));
    const done = [...this.#earlier.values(), ...this.#done.values()].map(
      ({ file, bytes, size, mtimeNs }) => ({
        path: file.path,
        offset: BigInt(bytes),
        done: true,
        size,
        mtimeNs,
      }),
    );
    return [...done, ...partial];
  }

  /** Closes everything; partial files are removed. */
  discard(): void {
    for (const incoming of this.#incoming.values()) {
      this.#close(incoming);
      this.#remove(incoming);
    }
    this.#incoming.clear();
    for (const waiting of this.#unnamed.splice(0)) this.#remove(waiting);
    this.#tree.close();
  }

  #keyOf(path: string): string {
    return this.#options.foldsCase === true ? readWirePath(path).digestKey : path;
  }

  #begin(frame: FileFrame): Incoming {
    const { limits, what } = this.#options;
    const file = readWirePath(frame.path);
    const key = this.#keyOf(frame.path);
    const finished = this.#done.get(key);
    if (finished !== undefined) throw sameFile(frame.path, finished.file.path);
    if (frame.offset !== 0n)
      throw new AgentError(
        "invalid argument",
        `file "${file.path}" begins at byte ${frame.offset}: there is nothing before it`,
      );
    if (this.#directories.has(key))
      throw new AgentError("invalid argument", `"${file.path}" is a directory of another file`);
    if (this.#files >= limits.files) throw exceeded(`number of ${what}`, limits.files);
    if (frame.size > BigInt(limits.fileBytes)) throw exceeded(`bytes of "${file.path}"`, limits.fileBytes);
    this.#requireSpace(file, frame.size);
    this.#requireParents(file, key);
    const temporary = `.hpcc-${randomBytes(8).toString("hex")}.part`;
    const { size, mtimeNs } = frame;
    const incoming: Incoming = {
      ...{ file, temporary, size, mtimeNs },
      ...{ hash: createHash("sha256"), interrupted: false, fd: undefined, bytes: 0 },
    };
    this.#openHandle(incoming, O_CREAT | O_EXCL);
    if (!this.#earlier.delete(key)) this.#files += 1;
    this.#incoming.set(key, incoming);
    return incoming;
  }

  /** At the byte that was reached, or at the first: the file has changed since. */
  #goOn(incoming: Incoming, { path, offset, size, mtimeNs }: FileFrame): void {
    incoming.interrupted = false;
    if (offset === BigInt(incoming.bytes) && size === incoming.size && mtimeNs === incoming.mtimeNs) return;
    if (offset !== 0n)
      throw new AgentError(
        "invalid argument",
        `file "${path}" goes on at byte ${offset} of ${size}: it is another one, or ${incoming.bytes} are here`,
      );
    ftruncateSync(this.#handle(incoming), 0);
    this.#bytes -= incoming.bytes;
    Object.assign(incoming, { hash: createHash("sha256"), bytes: 0, size, mtimeNs });
  }

  #requireParents({ path, components }: WirePath, key: string): void {
    const parts = key.split("/");
    for (let depth = 1; depth < components.length; depth += 1) {
      const parent = parts.slice(0, depth).join("/");
      if (this.#directories.has(parent)) continue;
      if (this.#done.has(parent) || this.#incoming.has(parent))
        throw new AgentError("invalid argument", `cannot place "${path}": "${parent}" is a file`);
      this.#directories.add(parent);
    }
  }

  /** A disk that is too small is told before it is full. */
  #requireSpace({ path }: WirePath, size: bigint): void {
    if (size === 0n) return;
    const { bavail, bsize } = statfsSync(this.#options.root, { bigint: true });
    if (size <= bavail * bsize) return;
    const free = bavail * bsize;
    throw new AgentError(
      "resource exhausted",
      `no space for "${path}": it has ${size} bytes, ${free} are free`,
    );
  }

  #write(incoming: Incoming, chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    const { limits, what } = this.#options;
    if (incoming.bytes + chunk.length > limits.fileBytes)
      throw exceeded(`bytes of "${incoming.file.path}"`, limits.fileBytes);
    if (this.#bytes + chunk.length > limits.totalBytes)
      throw exceeded(`bytes of all ${what}`, limits.totalBytes);
    const fd = this.#handle(incoming);
    for (let written = 0; written < chunk.length;)
      written += writeSync(fd, chunk, written, chunk.length - written, incoming.bytes + written);
    incoming.hash.update(chunk);
    incoming.bytes += chunk.length;
    this.#bytes += chunk.length;
  }

  #finish(key: string, incoming: Incoming, last: FileFrame | undefined): void {
    const { file, temporary, bytes } = incoming;
    const sha256 = incoming.hash.digest();
    const fd = this.#handle(incoming);
    if (last !== undefined && last.sha256.length > 0 && !sha256.equals(last.sha256)) {
      this.#drop(key, incoming);
      throw new AgentError("internal", `file "${file.path}" arrived damaged: its digest is not the sender's`);
    }
    const mode = last?.mode ?? 0;
    fchmodSync(fd, mode >= MODE_KNOWN ? mode & 0o777 : DEFAULT_MODE);
    const mtimeNs = last?.mtimeNs ?? 0n;
    if (mtimeNs !== 0n) futimesSync(fd, Number(mtimeNs) / 1e9, Number(mtimeNs) / 1e9);
    this.#close(incoming);
    if (this.#options.allAtOnce === true) this.#unnamed.push({ file, temporary });
    else this.#giveName({ file, temporary });
    this.#incoming.delete(key);
    this.#done.set(key, { file, bytes, sha256, size: incoming.size, mtimeNs: incoming.mtimeNs || mtimeNs });
  }

  /** Replaces a link of that name instead of following it. */
  #giveName({ file, temporary }: Unnamed): void {
    const directory = this.#directoryOf(file);
    renameSync(directory.entry(temporary), directory.entry(file.components.at(-1) ?? ""));
  }

  #drop(key: string, incoming: Incoming): void {
    this.#close(incoming);
    this.#remove(incoming);
    this.#incoming.delete(key);
  }

  #remove({ file, temporary }: Unnamed): void {
    rmSync(this.#directoryOf(file).entry(temporary), { force: true });
  }

  #directoryOf({ components }: WirePath): Directory {
    return this.#tree.directory(components.slice(0, -1), { create: true });
  }

  #handle(incoming: Incoming): number {
    if (incoming.fd === undefined) return this.#openHandle(incoming, 0);
    this.#open.delete(incoming);
    this.#open.add(incoming);
    return incoming.fd;
  }

  #openHandle(incoming: Incoming, flags: number): number {
    if (this.#open.size >= LIMITS.openFiles) {
      const [oldest] = this.#open;
      if (oldest !== undefined) this.#close(oldest);
    }
    const path = this.#directoryOf(incoming.file).entry(incoming.temporary);
    const fd = openSync(path, O_WRONLY | O_NOFOLLOW | flags, 0o600);
    incoming.fd = fd;
    this.#open.add(incoming);
    return fd;
  }

  #close(incoming: Incoming): void {
    this.#open.delete(incoming);
    if (incoming.fd === undefined) return;
    closeSync(incoming.fd);
    incoming.fd = undefined;
  }
}

function exceeded(what: string, limit: number): AgentError {
  return new AgentError("resource exhausted", `too much: ${what} may be at most ${limit}`);
}

function sameFile(path: string, other: string): AgentError {
  const what = path === other ? "came twice" : `is the same file as "${other}"`;
  return new AgentError("invalid argument", `file "${path}" ${what}`);
}
