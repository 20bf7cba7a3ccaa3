/**
 * Bytes collected piece by piece. Memory follows what has arrived (by doubling), never what a peer announced,
 * and many tiny pieces cost no more than a few large ones.
 */

const FIRST_CAPACITY_BYTES = 1024;

export class GrowingBuffer {
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;

  /** Bytes collected. */
  get length(): number {
    return this.#length;
  }

  /** The bytes collected so far; valid until the next append. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  append(piece: Uint8Array): void {
    const needed = this.#length + piece.byteLength;
    if (needed > this.#buffer.length) {
      const capacity = Math.max(needed, this.#buffer.length * 2, FIRST_CAPACITY_BYTES);
      const grown = Buffer.allocUnsafeSlow(capacity);
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
    this.#buffer.set(piece, this.#length);
    this.#length = needed;
  }

  /** Hands the bytes over and starts afresh. */
  take(): Buffer {
    const bytes = this.bytes;
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
    return bytes;
  }
}
