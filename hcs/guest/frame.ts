/**
 * Frames of the guest connection, both directions: a 16-byte header, little endian, then a UTF-8 JSON body.
 *
 *     0       4       8              16
 *     | type  | size  | id           | body …
 *     | u32   | u32   | u64          | size - 16 bytes
 *
 * `size` counts the header. No I/O here: bytes in, frames out.
 */
import { GrowingBuffer } from "./growing-buffer.ts";

export const FRAME_HEADER_BYTES = 16;

/**
 * Largest frame accepted unless the caller says otherwise, header included. Stacks and statistics of a busy
 * guest need more than the 64 KiB that the protocol once meant; a guest must not be able to ask for much more.
 */
export const DEFAULT_MAX_FRAME_BYTES: number = 4 * 1024 * 1024;

export interface Frame {
  /** Type word: kind, category, message, version (`protocol.ts`). */
  readonly type: number;
  /** Joins a response to its request; 0 for notifications. Any value of 64 bits is allowed. */
  readonly id: bigint;
  /** May share memory with the chunk it came from: read it before that is reused. */
  readonly body: Buffer;
}

/** A peer that does not keep to the format. The stream cannot be read any further. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** One frame as one buffer, so that it is one write. Throws `FrameError` for a body whose size does not fit. */
export function encodeFrame(type: number, id: bigint, body: string | Uint8Array): Buffer {
  const bodyBytes = typeof body === "string" ? Buffer.byteLength(body, "utf8") : body.byteLength;
  const size = FRAME_HEADER_BYTES + bodyBytes;
  if (size > 0xffff_ffff) throw new FrameError(`cannot write frame: size ${size} does not fit 32 bits`);
  const frame = Buffer.allocUnsafe(size);
  frame.writeUInt32LE(type, 0);
  frame.writeUInt32LE(size, 4);
  frame.writeBigUInt64LE(id, 8);
  if (typeof body === "string") frame.write(body, FRAME_HEADER_BYTES, "utf8");
  else frame.set(body, FRAME_HEADER_BYTES);
  return frame;
}

/**
 * Bytes to frames, for any split of the bytes. The claimed size is checked as soon as the header is complete,
 * and memory is taken for bytes that arrived, not for bytes that were announced.
 */
export class FrameDecoder {
  readonly #maxFrameBytes: number;
  /** A frame that has begun but is not complete. */
  readonly #partial: GrowingBuffer = new GrowingBuffer();
  #failure: FrameError | undefined;

  /** `maxFrameBytes` counts the header. */
  constructor(maxFrameBytes: number = DEFAULT_MAX_FRAME_BYTES) {
    if (!Number.isSafeInteger(maxFrameBytes) || maxFrameBytes < FRAME_HEADER_BYTES) {
      throw new RangeError(`frame limit out of range: ${maxFrameBytes}`);
    }
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Bytes held of a frame that is not complete yet. */
  get pendingBytes(): number {
    return this.#partial.length;
  }

  /**
   * Hands each frame that `chunk` completes to `deliver`, in order. Throws `FrameError` where the peer breaks
   * the format, after the frames before that point were delivered; every later call throws the same error.
   */
  push(chunk: Uint8Array, deliver: (frame: Frame) => void): void {
    if (this.#failure !== undefined) throw this.#failure;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let offset = 0;
    while (offset < bytes.length) {
      if (this.#partial.length === 0 && bytes.length - offset >= FRAME_HEADER_BYTES) {
        // The usual case: the frame lies in the chunk as a whole and needs no copy.
        const size = this.#checkedSize(bytes.subarray(offset));
        if (offset + size <= bytes.length) {
          deliver(frameOf(bytes.subarray(offset, offset + size)));
          offset += size;
          continue;
        }
      }
      const wanted =
        this.#partial.length < FRAME_HEADER_BYTES
          ? FRAME_HEADER_BYTES
          : this.#checkedSize(this.#partial.bytes);
      const piece = bytes.subarray(offset, offset + wanted - this.#partial.length);
      this.#partial.append(piece);
      offset += piece.length;
      if (this.#isComplete()) deliver(frameOf(this.#partial.take()));
    }
  }

  #isComplete(): boolean {
    const { length, bytes } = this.#partial;
    return length >= FRAME_HEADER_BYTES && length === this.#checkedSize(bytes);
  }

  /** Size of the frame whose header `bytes` begins with. */
  #checkedSize(bytes: Buffer): number {
    const size = bytes.readUInt32LE(4);
    if (size < FRAME_HEADER_BYTES) {
      throw this.#fail(`size ${size} is less than the header's ${FRAME_HEADER_BYTES} bytes`);
    }
    if (size > this.#maxFrameBytes) {
      throw this.#fail(`size ${size} is more than the limit of ${this.#maxFrameBytes} bytes`);
    }
    return size;
  }

  #fail(problem: string): FrameError {
    this.#failure = new FrameError(`cannot read frame: ${problem}`);
    this.#partial.take();
    return this.#failure;
  }
}

function frameOf(bytes: Buffer): Frame {
  return {
    type: bytes.readUInt32LE(0),
    id: bytes.readBigUInt64LE(8),
    body: bytes.subarray(FRAME_HEADER_BYTES),
  };
}
