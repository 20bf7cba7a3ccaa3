/**
 * A socket as both sides use it: frames come in as they arrive, what is written during one turn of the event loop leaves
 * in one write, and what has not left yet is counted. It knows nothing of calls and streams.
 */
import type { Duplex } from "node:stream";
import { SYSTEM_CLOCK } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { FrameDecoder } from "./decoder.ts";
import type { FrameSink } from "./decoder.ts";
import { MAX_MESSAGE_LENGTH } from "./frame.ts";
import { Output } from "./output.ts";

/** What a connection tells the side that uses it. None of these may throw. */
export interface ConnectionHandler extends FrameSink {
  /** From now on the bytes that have been read end within a frame, or (false) at the end of one. */
  onPartial?(isPartial: boolean): void;
  /** What was queued has gone down to the low-water mark, after it was above the high-water mark. */
  onDrain(): void;
  /**
   * The connection has ended; nothing more is called.
   *
   * @param cause why, unless one of the two sides simply closed it
   */
  onClose(cause: Error | undefined): void;
}

export interface ConnectionOptions {
  /** The longest body that is accepted, in bytes. */
  readonly maxMessageLength?: number;
  /** With more bytes than this queued, {@link Connection.congested} holds until they are down to half of it. */
  readonly highWaterBytes?: number;
  /** Ends the connection when nothing queued has left for this long. Unless given, a peer may stop reading for ever. */
  readonly writeStallMs?: number;
  readonly clock?: Clock;
}

const DEFAULT_HIGH_WATER_BYTES = 256 * 1024;

/** One end of a byte stream that carries frames. */
export class Connection {
  /** Where frames are written; {@link Connection.schedule} afterwards. */
  readonly output: Output = new Output();
  readonly #stream: Duplex;
  readonly #handler: ConnectionHandler;
  readonly #decoder: FrameDecoder;
  readonly #clock: Clock;
  readonly #highWaterBytes: number;
  readonly #writeStallMs: number | undefined;
  #flushScheduled = false;
  /** A chunk is being taken apart. */
  #reading = false;
  #partial = false;
  #congested = false;
  #ending = false;
  #closed = false;
  #cause: Error | undefined;
  #cancelStallTimer: (() => void) | undefined;
  #cancelEndTimer: (() => void) | undefined;
  readonly #drainWaiters: (() => void)[] = [];

  constructor(stream: Duplex, handler: ConnectionHandler, options: ConnectionOptions = {}) {
    this.#stream = stream;
    this.#handler = handler;
    this.#decoder = new FrameDecoder(handler, options.maxMessageLength ?? MAX_MESSAGE_LENGTH);
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#highWaterBytes = options.highWaterBytes ?? DEFAULT_HIGH_WATER_BYTES;
    this.#writeStallMs = options.writeStallMs;

    stream.on("error", (error: Error) => this.destroy(error));
    stream.on("close", () => this.#finish());
    // Half-open connections do not exist in this protocol: the end of one direction ends both.
    stream.on("end", () => this.destroy(this.#cutError()));
    if (stream.destroyed || stream.readableEnded) {
      // The caller must first get hold of us.
      process.nextTick(() => this.destroy(stream.errored ?? undefined));
      return;
    }
    stream.on("data", (chunk: Uint8Array) => {
      if (this.#ending) return;
      this.#reading = true;
      try {
        this.#decoder.push(chunk);
      } finally {
        this.#reading = false;
      }
      if (this.#decoder.atBoundary === this.#partial) {
        this.#partial = !this.#partial;
        this.#handler.onPartial?.(this.#partial);
      }
      // What was answered at once leaves at once, in one write; what takes longer, with the others of its turn.
      if (this.#flushScheduled) this.#onFlush();
    });
  }

  /** Whether the connection has ended. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether what is written now will be sent. */
  get writable(): boolean {
    return !this.#closed && !this.#ending;
  }

  /** Bytes written that have not been handed to the operating system. */
  get queuedBytes(): number {
    return this.output.length + this.#stream.writableLength;
  }

  /** Whether so much is queued that whoever can wait should wait, see {@link Connection.drained}. */
  get congested(): boolean {
    if (!this.#congested && this.queuedBytes > this.#highWaterBytes) this.#congested = true;
    return this.#congested;
  }

  /** Resolves when the connection is no longer congested, or has ended. */
  async drained(): Promise<void> {
    if (this.#closed || !this.congested) return;
    await new Promise<void>((resolve) => this.#drainWaiters.push(resolve));
  }

  /** Sends what is in {@link Connection.output}, together with whatever follows in this turn of the event loop. */
  schedule(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    if (!this.#reading) setImmediate(this.#onFlush);
  }

  /** Stops taking frames, at once, even from a chunk that has arrived. */
  pause(): void {
    if (!this.writable) return;
    this.#decoder.pause();
    this.#stream.pause();
  }

  /** Takes frames again, first those that had arrived. */
  resume(): void {
    if (!this.writable) return;
    this.#decoder.resume();
    if (!this.#decoder.paused) this.#stream.resume();
  }

  /**
   * Sends what is queued, then closes. Frames that still arrive are dropped.
   *
   * @param limitMs how long this may take, the peer's own closing included, before the connection is cut
   */
  end(limitMs: number): void {
    if (!this.writable) return;
    this.#flush();
    this.#ending = true;
    this.#decoder.stop();
    this.#stream.end();
    // The peer's end must be seen even if reading was paused.
    this.#stream.resume();
    this.#cancelEndTimer = this.#clock.setTimeout(() => {
      const left = this.#stream.writableLength;
      this.destroy(
        left === 0
          ? undefined
          : new Error(`cannot send ${left} bytes within ${limitMs} ms: peer does not read`),
      );
    }, limitMs);
  }

  /** Closes at once; what is queued is lost. */
  destroy(cause?: Error): void {
    if (this.#closed) return;
    this.#cause ??= cause;
    this.#stream.destroy();
    this.#finish();
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelStallTimer?.();
    this.#cancelEndTimer?.();
    this.#decoder.stop();
    this.output.take();
    this.#releaseWaiters();
    this.#handler.onClose(this.#cause);
  }

  readonly #onFlush = (): void => {
    if (!this.#flushScheduled) return;
    this.#flushScheduled = false;
    this.#flush();
  };

  #flush(): void {
    const chunks = this.output.take();
    const last = chunks.pop();
    // After end() nothing may be written any more: what is still answered then is lost, as on a closed connection.
    if (last === undefined || !this.writable) return;
    const stream = this.#stream;
    if (chunks.length === 0) stream.write(last, this.#onWritten);
    else {
      stream.cork();
      for (const chunk of chunks) stream.write(chunk);
      stream.write(last, this.#onWritten);
      stream.uncork();
    }
    if (this.#cancelStallTimer === undefined) this.#watchForStall();
  }

  readonly #onWritten = (): void => {
    if (this.#closed) return;
    if (this.#cancelStallTimer !== undefined) {
      this.#cancelStallTimer();
      this.#cancelStallTimer = undefined;
      this.#watchForStall();
    }
    if (!this.#congested || this.queuedBytes > this.#highWaterBytes / 2) return;
    this.#congested = false;
    this.#releaseWaiters();
    this.#handler.onDrain();
  };

  /** Limits the time until the next write is done, if one is under way. */
  #watchForStall(): void {
    const limitMs = this.#writeStallMs;
    if (limitMs === undefined || this.#stream.writableLength === 0) return;
    this.#cancelStallTimer = this.#clock.setTimeout(() => {
      this.destroy(new Error(`cannot send ${this.queuedBytes} bytes: peer has not read for ${limitMs} ms`));
    }, limitMs);
  }

  #releaseWaiters(): void {
    for (const resolve of this.#drainWaiters.splice(0)) resolve();
  }

  #cutError(): Error | undefined {
    return this.#decoder.atBoundary || this.#ending
      ? undefined
      : new Error("connection ended within a frame");
  }
}
