/**
 * Copies the output of a process to the host: from a pipe or a terminal to one connection.
 *
 * Of a pipe: at its end the write side of the connection is shut down, and then the relay waits until the host
 * has closed its end (or its write side). Only then is the relay done, and only then does the process count as
 * finished: the host sees the end of the output before it sees the exit.
 *
 * The output of an init process survives a broken connection: the relay dials the same port again, and again,
 * and replays the last bytes it had written. While nobody listens there, the process does not finish.
 */
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { createDeferred } from "../../deferred.ts";
import { recycle } from "../../reused-reads.ts";

export interface OutputRelayOptions {
  /** Wait for the host to close its end (pipes), or be done once everything is written (terminals). */
  readonly handshake: boolean;
  /** Connects to the same port once more. Absent: a broken connection is given up, the rest is discarded. */
  readonly redial?: () => Promise<Socket>;
  /** Pause between attempts, ms. */
  readonly redialPauseMs?: number;
}

/** How much is replayed on a new connection, bytes. */
export const REPLAY_BYTES: number = 128 * 1024;

const REDIAL_PAUSE_MS = 100;

/** Failures of a write that mean the other end went away. */
const BROKEN = new Set(["EPIPE", "ECONNRESET", "ENOTCONN"]);

export class OutputRelay {
  /** Settles when the output has ended and the host has taken it, or the relay was released. Never rejects. */
  readonly done: Promise<void>;
  readonly #done = createDeferred<void>();
  readonly #source: Readable;
  readonly #options: OutputRelayOptions;
  #connection: Socket | undefined;
  #redial: (() => Promise<Socket>) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sourceEnded = false;
  #hostClosed = false;
  #released = false;
  /** What was written last, for a replay. */
  #tail: Buffer[] = [];
  #tailBytes = 0;

  constructor(source: Readable, connection: Socket, options: OutputRelayOptions) {
    this.done = this.#done.promise;
    this.#source = source;
    this.#options = options;
    this.#redial = options.redial;
    source.on("data", (chunk: Buffer) => this.#write(chunk));
    source.on("end", () => this.#endOfSource());
    // A terminal reports its end as EIO; any other failure to read ends the output just as well.
    source.on("error", () => this.#endOfSource());
    source.on("close", () => this.#endOfSource());
    this.#use(connection);
  }

  /** From now on a broken connection is given up. */
  giveUpRedialling(): void {
    this.#redial = undefined;
    if (this.#connection === undefined) this.#abandon();
  }

  /** Ends the relay whatever state it is in. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    clearTimeout(this.#timer);
    this.#connection?.destroy();
    this.#source.destroy();
    this.#done.resolve();
  }

  #use(connection: Socket): void {
    this.#connection = connection;
    this.#hostClosed = false;
    connection.on("error", (error: NodeJS.ErrnoException) => this.#broken(connection, error));
    connection.on("end", () => this.#endOfHost(connection));
    connection.on("close", () => this.#endOfHost(connection));
    connection.on("drain", () => {
      if (connection === this.#connection) this.#source.resume();
    });
    // The host sends nothing on this connection; reading is how its end is noticed.
    connection.resume();
  }

  #write(chunk: Buffer): void {
    const isKept = this.#redial !== undefined;
    if (isKept) this.#remember(chunk);
    if (this.#connection === undefined) return;
    const flows = this.#connection.write(chunk, () => {
      if (!isKept) recycle(chunk);
    });
    if (!flows) this.#source.pause();
  }

  #remember(chunk: Buffer): void {
    this.#tail.push(chunk);
    this.#tailBytes += chunk.length;
    for (let first = this.#tail[0]; first !== undefined; first = this.#tail[0]) {
      if (this.#tailBytes - first.length < REPLAY_BYTES) break;
      this.#tail.shift();
      this.#tailBytes -= first.length;
    }
  }

  #endOfSource(): void {
    if (this.#sourceEnded) return;
    this.#sourceEnded = true;
    this.#endConnection();
  }

  #endConnection(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    connection.once("finish", () => {
      if (!this.#options.handshake || this.#hostClosed) this.#finish(connection);
    });
    connection.end();
  }

  #endOfHost(connection: Socket): void {
    if (connection !== this.#connection) return;
    this.#hostClosed = true;
    if (this.#sourceEnded && connection.writableFinished) this.#finish(connection);
  }

  #finish(connection: Socket): void {
    connection.destroy();
    this.#done.resolve();
  }

  #broken(connection: Socket, error: NodeJS.ErrnoException): void {
    if (connection !== this.#connection) return;
    connection.destroy();
    // After the shutdown there is nothing left to deliver: the host has closed without reading to the end.
    if (connection.writableFinished) {
      this.#finish(connection);
      return;
    }
    this.#connection = undefined;
    this.#source.pause();
    if (this.#redial === undefined || !BROKEN.has(error.code ?? "")) this.#abandon();
    else this.#scheduleRedial();
  }

  /** Nobody will take the output any more: let the process write on, into nothing. */
  #abandon(): void {
    clearTimeout(this.#timer);
    this.#redial = undefined;
    this.#tail = [];
    this.#source.resume();
    this.#done.resolve();
  }

  #scheduleRedial(): void {
    const pause = this.#options.redialPauseMs ?? REDIAL_PAUSE_MS;
    this.#timer = setTimeout(() => void this.#tryRedial(), pause);
  }

  async #tryRedial(): Promise<void> {
    const redial = this.#redial;
    if (redial === undefined || this.#released) return;
    let connection: Socket;
    try {
      connection = await redial();
    } catch {
      // Nobody listens (yet): that is what the next attempt is for.
      if (!this.#released) this.#scheduleRedial();
      return;
    }
    if (this.#released || this.#redial === undefined) {
      connection.destroy();
      return;
    }
    this.#use(connection);
    const flowing = this.#tail.map((chunk) => connection.write(chunk)).at(-1) ?? true;
    if (this.#sourceEnded) this.#endConnection();
    else if (flowing) this.#source.resume();
  }
}
