/**
 * A writer to a pipe server that may go away and come back: containerd on Windows serves the pipes of its tasks, and
 * when it restarts, the new one serves them again.
 */
import { Writable } from "node:stream";
import { reasonOf, type Clock } from "../clock.ts";
import { systemCode } from "./errors.ts";
import type { PipeConnection, PipeConnector } from "./upstream.ts";

export interface RedialOptions {
  readonly path: string;
  readonly connect: PipeConnector;
  readonly clock: Clock;
  /** Total time a lost server is looked for; 0 is for ever. */
  readonly retryTimeoutMs: number;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** Waits between dials: the first, how it grows, its limit, and how far each is spread around it. */
export const REDIAL = { firstMs: 200, factor: 1.5, maxMs: 60_000, spread: 0.5 } as const;

/** What a server that went away looks like, as Node reports it (Win32 109, 232, 233; and our own destroyed socket). */
const DISCONNECTED: ReadonlySet<string> = new Set([
  "EPIPE",
  "EOF",
  "ECONNRESET",
  "ENOTCONN",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_WRITE_AFTER_END",
]);

/** What is handed to the system at once. A write that a disconnect cut short is repeated as a whole. */
const WRITE_BYTES = 64 * 1024;

export class RedialingWriter extends Writable {
  readonly #options: RedialOptions;
  readonly #giveUp = new AbortController();
  #connection: PipeConnection | undefined;

  /** @param connection the first connection; dialling it is the opener's business, as its failure is */
  constructor(connection: PipeConnection, options: RedialOptions) {
    super({ decodeStrings: true });
    this.#options = options;
    this.#use(connection);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#deliver(chunk).then(
      () => callback(),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
    );
  }

  /**
   * Closing is end of file to the server, which reads what is in the pipe first. Never a shutdown: on Windows that
   * parks a thread until the server has read everything.
   */
  override _final(callback: () => void): void {
    this.#connection?.destroy();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#giveUp.abort(error ?? new Error("stream was closed"));
    this.#connection?.destroy();
    callback(error);
  }

  async #deliver(chunk: Buffer): Promise<void> {
    for (let offset = 0; offset < chunk.length;) {
      const connection = this.#connection ?? (await this.#redial());
      const part = chunk.subarray(offset, offset + WRITE_BYTES);
      try {
        await write(connection, part);
        offset += part.length;
      } catch (error) {
        if (!DISCONNECTED.has(systemCode(error) ?? "")) throw error;
        this.#drop(connection);
      }
    }
  }

  async #redial(): Promise<PipeConnection> {
    const { path, connect, clock, retryTimeoutMs, random } = this.#options;
    const { signal } = this.#giveUp;
    const lostAt = clock.monotonic();
    let failure: unknown;
    for (let delayMs: number = REDIAL.firstMs; ; delayMs = Math.min(delayMs * REDIAL.factor, REDIAL.maxMs)) {
      const goneMs = clock.monotonic() - lostAt;
      const leftMs = retryTimeoutMs > 0 ? retryTimeoutMs - goneMs : Infinity;
      if (leftMs <= 0) {
        throw new Error(`cannot reach the client at "${path}" again: gone for ${Math.round(goneMs)} ms`, {
          cause: failure,
        });
      }
      const spreadMs = delayMs * (1 - REDIAL.spread + 2 * REDIAL.spread * random());
      await clock.sleep(Math.min(spreadMs, leftMs), signal);
      try {
        const connection = await connect(path, signal);
        this.#use(connection);
        return connection;
      } catch (error) {
        if (signal.aborted) throw reasonOf(signal);
        failure = error;
      }
    }
  }

  #use(connection: PipeConnection): void {
    this.#connection = connection;
    // The server never sends anything, but only a reader hears that it hung up.
    connection.resume();
    // Errors reach the write they belong to; one that belongs to none shows in the close that follows.
    connection.on("error", () => undefined);
    connection.on("close", () => this.#drop(connection));
  }

  #drop(connection: PipeConnection): void {
    connection.destroy();
    if (this.#connection === connection) this.#connection = undefined;
  }
}

function write(connection: PipeConnection, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}
