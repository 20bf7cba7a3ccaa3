/**
 * What a connection will write next. Small pieces are laid one behind the other in shared memory, so that all frames of
 * one turn of the event loop become one chunk; a large piece becomes a chunk of its own, without a copy.
 */

/**
 * Memory for small pieces is cut from slabs of this size, in bytes. All connections share one, so that an idle
 * connection, of which a shim has one per task, costs none.
 */
const SLAB_BYTES = 64 * 1024;

/** Pieces up to this size, in bytes, are copied: a chunk of its own costs more than copying this much. */
const COPY_LIMIT = 4 * 1024;

/** Room that {@link Output.begin} makes, in bytes. */
export const BEGIN_ROOM: number = COPY_LIMIT;

let slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
let slabUsed = 0;

const EMPTY = Buffer.alloc(0);

/** Gathers chunks to be written. */
export class Output {
  /** Where {@link Output.reserve} made room. */
  target: Buffer = EMPTY;
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** The last chunk, still growing: `#start` to `#end` of `#run`. */
  #run: Buffer = EMPTY;
  #start = 0;
  #end = 0;

  /** Bytes gathered. */
  get length(): number {
    return this.#length;
  }

  /** Makes room for `count` bytes, which the caller writes into {@link Output.target} from the returned offset. */
  reserve(count: number): number {
    this.#length += count;
    if (count > COPY_LIMIT) {
      this.#closeRun();
      this.target = Buffer.allocUnsafeSlow(count);
      this.#chunks.push(this.target);
      return 0;
    }
    if (slab.length - slabUsed < count) {
      slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      slabUsed = 0;
    }
    const at = slabUsed;
    slabUsed += count;
    if (this.#run !== slab || this.#end !== at) {
      this.#closeRun();
      this.#run = slab;
      this.#start = at;
    }
    this.#end = slabUsed;
    this.target = slab;
    return at;
  }

  /**
   * Makes {@link BEGIN_ROOM} bytes of room for something whose length is not known yet. The caller writes into {@link Output.target}
   * from the returned offset, then says by {@link Output.end} how much it was, before anything else is added anywhere.
   */
  begin(): number {
    return this.reserve(BEGIN_ROOM);
  }

  /** @param used how many of the bytes that {@link Output.begin} made room for are to be written */
  end(used: number): void {
    const unused = BEGIN_ROOM - used;
    slabUsed -= unused;
    this.#end -= unused;
    this.#length -= unused;
  }

  /** Adds bytes, which must not change any more: a large piece is kept as it is. */
  append(bytes: Uint8Array): void {
    const count = bytes.length;
    if (count === 0) return;
    if (count > COPY_LIMIT) {
      this.#closeRun();
      this.#chunks.push(bytes);
      this.#length += count;
      return;
    }
    const at = this.reserve(count);
    this.target.set(bytes, at);
  }

  /** Hands over everything gathered, in order. */
  take(): Uint8Array[] {
    this.#closeRun();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#length = 0;
    // An idle connection must not hold on to a slab that the others have left behind.
    this.#run = EMPTY;
    this.#start = 0;
    this.#end = 0;
    this.target = EMPTY;
    return chunks;
  }

  #closeRun(): void {
    if (this.#end > this.#start) this.#chunks.push(this.#run.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}
