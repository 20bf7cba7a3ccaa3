/**
 * A process's stdio as the host hands it out. The streams exist before the guest has dialled; reads and
 * writes wait for it. Two rules of the guest live here, so that nobody above can break them:
 *
 * - a guest withholds the exit of a process until the host has ended its side of stdout and stderr, so the
 *   host ends it the moment it reads end of file;
 * - a guest whose init output is closed early may never report the exit at all, so an output stream that is
 *   destroyed before end of file goes on reading, into nothing, until end of file or {@link GuestStream.release}.
 */
import { Duplex, type DuplexOptions } from "node:stream";

type Callback = (error?: Error | null) => void;

/** What both directions have in common: the owner attaches the guest's connection, and releases it. */
export interface GuestStream extends Duplex {
  /** The guest has dialled; `source` belongs to this stream from now on. */
  attach(source: Duplex): void;
  /** Lets go of everything now, whatever is still unread or unwritten. Idempotent. */
  release(): void;
}

/** `readable` and `writable` are options of Node that its type declarations lack. */
type OneWayOptions = DuplexOptions & { readonly readable?: false; readonly writable?: false };

/** Room for a few of the chunks that sockets deliver, so that not every one of them stops the reading. */
const OUTPUT: OneWayOptions = { writable: false, readableHighWaterMark: 256 * 1024 };
const INPUT: OneWayOptions = { readable: false, writableHighWaterMark: 64 * 1024 };

/** stdout or stderr: readable only. */
export class OutputStream extends Duplex implements GuestStream {
  #source: Duplex | undefined;
  #sawEnd = false;
  #discarding = false;
  #released = false;

  constructor() {
    super(OUTPUT);
  }

  attach(source: Duplex): void {
    source.on("error", (error: NodeJS.ErrnoException) => this.#sourceFailed(error));
    if (this.#released) {
      source.destroy();
      return;
    }
    this.#source = source;
    source.on("end", () => this.#sourceEnded());
    source.on("close", () => this.#sourceClosed());
    if (source.closed) this.#sourceClosed();
    source.on("data", (chunk: Buffer) => {
      if (!this.#discarding && !this.push(chunk)) source.pause();
    });
    source.resume();
  }

  release(): void {
    this.#released = true;
    this.destroy();
    this.#source?.destroy();
  }

  override _read(): void {
    this.#source?.resume();
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#discarding = true;
    this.#source?.resume();
    callback(error);
  }

  #sourceEnded(): void {
    this.#sawEnd = true;
    this.#source?.end();
    if (!this.#discarding) this.push(null);
  }

  /** Without an end before it, the rest of the output is lost. */
  #sourceClosed(): void {
    if (this.#sawEnd) return;
    this.destroy(this.#source?.errored ?? new Error("the guest's output connection closed before its end"));
  }

  #sourceFailed(error: NodeJS.ErrnoException): void {
    // Windows reports a connection that its own side closed as aborted: an end like any other.
    if (error.code === "ECONNABORTED" && !this.#sawEnd) this.#sourceEnded();
    else this.destroy(error);
  }
}

/** stdin: writable only; `end` is the half-close that the process reads as end of file. */
export class InputStream extends Duplex implements GuestStream {
  #source: Duplex | undefined;
  /** What was asked for before the guest dialled: at most one write or the end, Node queues the rest. */
  #waiting: ((source: Duplex) => void) | undefined;

  constructor() {
    super(INPUT);
  }

  attach(source: Duplex): void {
    source.on("error", (error) => this.destroy(error));
    if (this.destroyed || source.closed) {
      source.destroy();
      this.destroy(source.errored ?? undefined);
      return;
    }
    this.#source = source;
    source.on("close", () => this.destroy());
    // Nothing is expected this way, but only a socket whose end was read closes by itself.
    source.resume();
    this.#waiting?.(source);
    this.#waiting = undefined;
  }

  release(): void {
    this.destroy();
    this.#source?.destroy();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#withSource((source) => source.write(chunk, callback));
  }

  override _final(callback: Callback): void {
    this.#withSource((source) => source.end(callback));
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#waiting = undefined;
    // After `end` the socket closes by itself once the guest has closed too; cutting it off could lose bytes.
    if (error !== null || !this.writableFinished) this.#source?.destroy();
    callback(error);
  }

  #withSource(action: (source: Duplex) => void): void {
    if (this.#source === undefined) this.#waiting = action;
    else action(this.#source);
  }
}
