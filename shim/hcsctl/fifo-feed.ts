/**
 * Writes a stream into a FIFO that somebody else will read, some time later. From the beginning on there is a writer, so
 * that the reader meets no end of file before there is one; what is written waits for the reader.
 */
import { close, closeSync, constants, open, openSync, write } from "node:fs";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const writeDescriptor = promisify(write);
const closeDescriptor = promisify(close);
const openDescriptor = promisify(open);

const READ = constants.O_RDONLY | constants.O_NONBLOCK;
const WRITE = constants.O_WRONLY | constants.O_NONBLOCK;

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;

/** Nobody reads (yet), or the FIFO is full. */
const LATER = new Set(["EPIPE", "EAGAIN"]);

export class FifoFeed {
  readonly path: string;
  readonly #descriptor: number;
  readonly #over = new AbortController();
  #source: Readable | undefined;
  #feeding: Promise<void> = Promise.resolve();

  /** @param path of a FIFO that nobody has opened */
  constructor(path: string) {
    this.path = path;
    // Opening for writing without waiting needs a reader, for a moment.
    const reader = openSync(path, READ);
    this.#descriptor = openSync(path, WRITE);
    closeSync(reader);
  }

  /** The end of `source` is the end of the input. */
  start(source: Readable): void {
    this.#source = source;
    this.#feeding = this.#feed(source).finally(() => closeDescriptor(this.#descriptor));
    // Told by end().
    this.#feeding.catch(() => undefined);
  }

  /** Nobody will read any more. */
  async end(): Promise<void> {
    this.#over.abort();
    this.#source?.destroy();
    // Lets go of the wait for a reader, whether it has begun or not.
    const reader = openSync(this.path, READ);
    try {
      await this.#feeding;
    } finally {
      closeSync(reader);
    }
  }

  async #feed(source: Readable): Promise<void> {
    try {
      for await (const chunk of source) await this.#write(chunk as Buffer);
      // A reader is not told of writers that went before it came: the last one stays until then, off the event loop.
      await closeDescriptor(await openDescriptor(this.path, constants.O_WRONLY));
    } catch (error) {
      if (!this.#over.signal.aborted) throw error;
    }
  }

  async #write(chunk: Buffer): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    for (let written = 0; written < chunk.length;) {
      this.#over.signal.throwIfAborted();
      try {
        written += (await writeDescriptor(this.#descriptor, chunk, written)).bytesWritten;
        pause = FIRST_PAUSE_MS;
      } catch (error) {
        if (!LATER.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
        await delay(pause, undefined, { signal: this.#over.signal });
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
    }
  }
}
