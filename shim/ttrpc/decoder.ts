/**
 * Bytes to frames, without I/O: chunks go in as they arrive, whole frames come out in order. A partial frame is kept
 * for the next chunk. Memory for it is asked for as it arrives, whatever its header promises.
 */
import { HEADER_LENGTH, MAX_MESSAGE_LENGTH, readUint32 } from "./frame.ts";

/** Receives what a {@link FrameDecoder} finds. Must not throw. */
export interface FrameSink {
  /**
   * One frame. `body` may be a view of the chunk it arrived in: it stays valid, and keeps that chunk in memory as long
   * as it is held.
   */
  onFrame(streamId: number, type: number, flags: number, body: Uint8Array): void;
  /** A frame whose body of `length` bytes was over the limit and has been skipped. Once per frame, after its last byte. */
  onOversize(streamId: number, type: number, flags: number, length: number): void;
}

/** First allocation for a body that arrives in parts. */
const FIRST_BODY_BYTES = 64 * 1024;

/**
 * How much more is allocated when a body outgrows what there is. Much: pages that nothing was written to cost nothing, while growing
 * copies what has arrived, and each copy's pages have to be made anew.
 */
const BODY_GROWTH = 16;

const EMPTY = new Uint8Array(0);

/** Takes a byte stream apart into frames. */
export class FrameDecoder {
  readonly #sink: FrameSink;
  readonly #limit: number;
  readonly #header: Uint8Array = new Uint8Array(HEADER_LENGTH);
  #headerBytes = 0;
  /** The frame whose header is complete and whose body is not. */
  #length = 0;
  #streamId = 0;
  #type = 0;
  #flags = 0;
  #inBody = false;
  #body: Uint8Array = EMPTY;
  #bodyBytes = 0;
  /** Bytes of an oversize body still to be skipped. */
  #skip = 0;
  #paused = false;
  #stopped = false;
  #feeding = false;
  /** Chunks that arrived, or were left over, while paused. */
  #backlog: Uint8Array[] = [];

  /** @param limit the longest body that is kept, in bytes, inclusive */
  constructor(sink: FrameSink, limit: number = MAX_MESSAGE_LENGTH) {
    this.#sink = sink;
    this.#limit = limit;
  }

  /** Whether the stream could end here without cutting a frame in two. */
  get atBoundary(): boolean {
    return !this.#inBody && this.#headerBytes === 0 && this.#backlog.length === 0;
  }

  /** Bytes held: of the partial frame, and of chunks that arrived while paused. */
  get heldBytes(): number {
    let held = this.#headerBytes + this.#body.length;
    for (const chunk of this.#backlog) held += chunk.length;
    return held;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Stops handing out frames, from within the sink too; the rest of the chunk is kept. */
  pause(): void {
    this.#paused = true;
  }

  /** Hands out what was kept while paused, then goes on as before. */
  resume(): void {
    this.#paused = false;
    this.#drain();
  }

  /** Takes the next chunk. The decoder may keep it: the caller must not change it any more. */
  push(chunk: Uint8Array): void {
    if (this.#stopped) return;
    if (this.#paused || this.#feeding || this.#backlog.length > 0) {
      this.#backlog.push(chunk);
      this.#drain();
      return;
    }
    this.#feed(chunk);
  }

  /** Forgets everything held. What comes later is ignored. */
  stop(): void {
    this.#stopped = true;
    this.#backlog = [];
    this.#body = EMPTY;
  }

  #drain(): void {
    // A sink that resumes or pushes from within a frame must not overtake the frames still in that chunk.
    if (this.#feeding) return;
    while (!this.#paused && !this.#stopped) {
      const chunk = this.#backlog.shift();
      if (chunk === undefined) return;
      this.#feed(chunk);
    }
  }

  #feed(chunk: Uint8Array): void {
    this.#feeding = true;
    let offset = 0;
    try {
      while (offset < chunk.length && !this.#stopped) {
        if (this.#paused) {
          this.#backlog.unshift(chunk.subarray(offset));
          return;
        }
        offset = this.#step(chunk, offset);
      }
    } finally {
      this.#feeding = false;
    }
    if (this.#backlog.length > 0) this.#drain();
  }

  /** Consumes a part of `chunk` from `offset`, at most one frame; returns the new offset. */
  #step(chunk: Uint8Array, offset: number): number {
    if (this.#skip > 0) return this.#skipBody(chunk, offset);
    if (this.#inBody) return this.#continueBody(chunk, offset);

    const available = chunk.length - offset;
    let header = chunk;
    let at = offset;
    if (this.#headerBytes > 0 || available < HEADER_LENGTH) {
      const taken = Math.min(HEADER_LENGTH - this.#headerBytes, available);
      this.#header.set(chunk.subarray(offset, offset + taken), this.#headerBytes);
      this.#headerBytes += taken;
      offset += taken;
      if (this.#headerBytes < HEADER_LENGTH) return offset;
      this.#headerBytes = 0;
      header = this.#header;
      at = 0;
    } else {
      offset += HEADER_LENGTH;
    }

    const length = readUint32(header, at);
    const streamId = readUint32(header, at + 4);
    const type = header[at + 8] ?? 0;
    const flags = header[at + 9] ?? 0;
    if (length <= this.#limit && length <= chunk.length - offset) {
      const end = offset + length;
      this.#sink.onFrame(streamId, type, flags, length === 0 ? EMPTY : chunk.subarray(offset, end));
      return end;
    }

    this.#length = length;
    this.#streamId = streamId;
    this.#type = type;
    this.#flags = flags;
    this.#inBody = true;
    if (length > this.#limit) {
      this.#skip = length;
      return offset;
    }
    // Uninitialized memory will do: a body is handed out only when all of it has been written.
    this.#body = Buffer.allocUnsafeSlow(Math.min(length, FIRST_BODY_BYTES));
    this.#bodyBytes = 0;
    return offset;
  }

  #skipBody(chunk: Uint8Array, offset: number): number {
    const taken = Math.min(this.#skip, chunk.length - offset);
    this.#skip -= taken;
    if (this.#skip === 0) {
      this.#inBody = false;
      this.#sink.onOversize(this.#streamId, this.#type, this.#flags, this.#length);
    }
    return offset + taken;
  }

  #continueBody(chunk: Uint8Array, offset: number): number {
    const taken = Math.min(this.#length - this.#bodyBytes, chunk.length - offset);
    const needed = this.#bodyBytes + taken;
    if (needed > this.#body.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#length, needed * BODY_GROWTH));
      grown.set(this.#body.subarray(0, this.#bodyBytes));
      this.#body = grown;
    }
    this.#body.set(chunk.subarray(offset, offset + taken), this.#bodyBytes);
    this.#bodyBytes = needed;
    if (needed === this.#length) {
      const body = this.#body;
      this.#body = EMPTY;
      this.#bodyBytes = 0;
      this.#inBody = false;
      this.#sink.onFrame(this.#streamId, this.#type, this.#flags, body);
    }
    return offset + taken;
  }
}
