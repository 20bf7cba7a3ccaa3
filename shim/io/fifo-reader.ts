/**
 * The reading end of a FIFO that a client writes input to, opened when it is first read: when the process starts.
 *
 * Not before, because of how clients end input. `ctr` copies its input as soon as somebody reads the FIFO, and at the end
 * of it asks for CloseIO, which it can do only once its call that creates the task (or exec) has returned. A FIFO that
 * was opened during that call swallows short input together with its end.
 */
import { close, closeSync, constants, open } from "node:fs";
import { Socket } from "node:net";
import { Readable } from "node:stream";
import { promisify } from "node:util";

const openDescriptor = promisify(open);
const closeDescriptor = promisify(close);

const READ = constants.O_RDONLY | constants.O_NONBLOCK;
const WRITE = constants.O_WRONLY | constants.O_NONBLOCK;

export class FifoReader extends Readable {
  readonly #path: string;
  #socket: Socket | undefined;
  #opening = false;
  /** Holds the write side open, so that the end of one client is not the end of input. */
  #keeper: number | undefined;
  #keepsOpen = true;

  constructor(path: string) {
    super();
    this.#path = path;
  }

  /** From now on the last client that goes takes the input with it. Idempotent. */
  dropKeeper(): void {
    this.#keepsOpen = false;
    // Closing a FIFO never waits.
    if (this.#keeper !== undefined) closeSync(this.#keeper);
    this.#keeper = undefined;
  }

  override _read(): void {
    if (this.#socket !== undefined) this.#socket.resume();
    else if (!this.#opening) {
      this.#opening = true;
      this.#open().catch((error: unknown) => this.destroy(error as Error));
    }
  }

  async #open(): Promise<void> {
    const descriptor = await openDescriptor(this.#path, READ);
    try {
      if (this.#keepsOpen) this.#keeper = await openDescriptor(this.#path, WRITE);
    } catch (error) {
      await closeDescriptor(descriptor);
      throw error;
    }
    // CloseIO may have come, and the task may have ended, while this was under way.
    if (!this.#keepsOpen) this.dropKeeper();
    if (this.destroyed) return closeDescriptor(descriptor);
    const socket = new Socket({ fd: descriptor, readable: true, writable: false });
    socket.on("data", (chunk) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.once("end", () => this.push(null));
    socket.once("error", (error) => this.destroy(error));
    this.#socket = socket;
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket?.destroy();
    this.dropKeeper();
    done(error);
  }
}
