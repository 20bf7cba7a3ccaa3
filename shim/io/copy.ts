/**
 * Copies one stream into another with a limit on what is under way between them. Unlike a pipeline it can change its
 * mind about the limit, outlives the sink, and counts.
 */
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { recycle } from "../../hcs/reused-reads.ts";

/** What is done with a chunk that finds the limit reached. */
export type Excess =
  /** Leave it where it comes from: the source is paused. */
  | "wait"
  /** Throw it away, so that the source gets to its end whatever the sink does. */
  | "discard";

export interface CopyOptions {
  /** Bytes under way, bookkeeping included, at which `excess` comes in. Reading goes on at half of it. */
  readonly limitBytes: number;
  /** When the sink fails: read the source to its end all the same, or stop reading. */
  readonly onSinkFailure: "discard" | "stop";
  /** The sink failed (`undefined`: was closed by somebody) before the source ended. Called once. */
  readonly sinkFailed: (error: Error | undefined) => void;
  /** The source was paused for the sink's sake. */
  readonly stalled?: () => void;
  /** The sink took something. */
  readonly moved?: () => void;
  /** The source goes on again. */
  readonly resumed?: () => void;
}

export interface CopyReport {
  /** Bytes read from the source. */
  readonly readBytes: number;
  /** Bytes the sink has taken. */
  readonly deliveredBytes: number;
  /** Bytes on their way. */
  readonly pendingBytes: number;
  /** Bytes nobody will get: read after the sink failed, or in excess of the limit. */
  readonly discardedBytes: number;
  /** The source has ended. */
  readonly ended: boolean;
  /** Why the source ended, where that was not its end of file. */
  readonly sourceError?: Error;
}

/** What a queued chunk costs beside its bytes: a program that writes single bytes must not defeat the limit. */
const CHUNK_OVERHEAD_BYTES = 512;

export class Copy {
  /** Resolves when the source has ended and the sink has taken everything or failed. Never rejects. */
  readonly done: Promise<void>;
  readonly #source: Readable;
  readonly #options: CopyOptions;
  #sink: Writable | undefined;
  #limitBytes: number;
  #excess: Excess = "wait";
  #chargedBytes = 0;
  #readBytes = 0;
  #deliveredBytes = 0;
  #pendingBytes = 0;
  #discardedBytes = 0;
  #paused = false;
  #ended = false;
  #sourceError: Error | undefined;
  #finish: () => void = () => undefined;

  /** Starts copying. Without a sink the source is read to its end and thrown away. */
  constructor(source: Readable, sink: Writable | undefined, options: CopyOptions) {
    this.#source = source;
    this.#sink = sink;
    this.#options = options;
    this.#limitBytes = options.limitBytes;
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    // These stay for ever: an error may come long after the end of file, and one that nobody hears ends the process.
    sink?.on("error", (error: Error) => this.#sinkFailed(error));
    sink?.on("close", () => this.#sinkFailed(undefined));
    source.on("error", (error: Error) => this.#sourceEnded(error));
    source.on("close", () => this.#sourceEnded(undefined));
    source.on("end", () => this.#sourceEnded(undefined));
    if (sink?.destroyed === true) this.#sinkFailed(undefined);
    if (source.readableEnded || source.destroyed) this.#sourceEnded(source.errored ?? undefined);
    else source.on("data", (chunk: Buffer) => this.#take(chunk));
  }

  get report(): CopyReport {
    return {
      readBytes: this.#readBytes,
      deliveredBytes: this.#deliveredBytes,
      pendingBytes: this.#pendingBytes,
      discardedBytes: this.#discardedBytes,
      ended: this.#ended,
      ...(this.#sourceError === undefined ? {} : { sourceError: this.#sourceError }),
    };
  }

  /** Replaces the limit and what happens at it. */
  limit(limitBytes: number, excess: Excess): void {
    this.#limitBytes = limitBytes;
    this.#excess = excess;
    if (this.#paused && (excess === "discard" || this.#chargedBytes < limitBytes)) this.#resume();
  }

  #take(chunk: Buffer): void {
    const bytes = chunk.length;
    this.#readBytes += bytes;
    const full = this.#chargedBytes >= this.#limitBytes;
    if (this.#sink === undefined || (full && this.#excess === "discard")) {
      this.#discardedBytes += bytes;
      return;
    }
    const cost = bytes + CHUNK_OVERHEAD_BYTES;
    this.#pendingBytes += bytes;
    this.#chargedBytes += cost;
    // The sink's own opinion (the result of write) is about its high-water mark; ours is the limit above.
    const isSocket = this.#sink instanceof Socket;
    this.#sink.write(chunk, (error) => {
      if (error) this.#sinkFailed(error);
      else {
        // A socket has handed it to the system. Other sinks may have put it aside.
        if (isSocket) recycle(chunk);
        this.#taken(bytes, cost);
      }
    });
    if (this.#excess === "wait" && this.#chargedBytes >= this.#limitBytes) this.#pause();
  }

  #taken(bytes: number, cost: number): void {
    if (this.#sink === undefined) return;
    this.#pendingBytes -= bytes;
    this.#chargedBytes -= cost;
    this.#deliveredBytes += bytes;
    this.#options.moved?.();
    if (this.#paused && this.#chargedBytes <= this.#limitBytes / 2) this.#resume();
    if (this.#ended && this.#chargedBytes === 0) this.#finish();
  }

  #pause(): void {
    if (this.#paused || this.#ended) return;
    this.#paused = true;
    this.#source.pause();
    this.#options.stalled?.();
  }

  #resume(): void {
    this.#paused = false;
    this.#source.resume();
    this.#options.resumed?.();
  }

  #sinkFailed(error: Error | undefined): void {
    if (this.#sink === undefined || this.#isOver()) return;
    this.#sink.destroy();
    this.#sink = undefined;
    this.#discardedBytes += this.#pendingBytes;
    this.#pendingBytes = 0;
    this.#chargedBytes = 0;
    this.#options.sinkFailed(error);
    if (this.#options.onSinkFailure === "stop") this.#source.destroy();
    else if (this.#paused) this.#resume();
    if (this.#ended) this.#finish();
  }

  #sourceEnded(error: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#sourceError = error;
    // At once: the other end of a guest's stream waits for this before it reports that the process has exited.
    this.#source.destroy();
    if (this.#paused) {
      this.#paused = false;
      this.#options.resumed?.();
    }
    if (this.#sink === undefined || this.#chargedBytes === 0) this.#finish();
  }

  #isOver(): boolean {
    return this.#ended && this.#chargedBytes === 0;
  }
}
