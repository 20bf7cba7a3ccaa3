/**
 * BLAKE3 with 256 bits of output and no key (the BLAKE3 paper, section 2). Node has no implementation of its own.
 */
const BLOCK_BYTES = 64;
const BLOCKS_PER_CHUNK = 16;

const CHUNK_START = 1;
const CHUNK_END = 2;
const PARENT = 4;
const ROOT = 8;

const IV: Uint32Array = Uint32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
);

/** Where each word of the message goes from one round to the next. */
const PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
const ROUNDS = 7;

/** For every round, which word of the message is used when. */
const SCHEDULE: Uint8Array = schedule();

/** A last compression that has not been done: only then is it known whether it is the root's. */
interface Pending {
  readonly chaining: Uint32Array;
  readonly block: Uint32Array;
  readonly counter: number;
  readonly length: number;
  readonly flags: number;
}

/** Takes input piece by piece. Chunks of 1024 bytes are the leaves of a binary tree. */
export class Blake3 {
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  #blockLength = 0;
  #blocks = 0;
  #chunk = 0;
  #chaining = IV;
  /** Chaining values of finished subtrees, the largest first. */
  readonly #subtrees: Uint32Array[] = [];

  update(bytes: Uint8Array): this {
    for (let at = 0; at < bytes.length;) {
      // A full block waits for more input, because the last one of a chunk is compressed otherwise.
      if (this.#blockLength === BLOCK_BYTES) this.#closeBlock();
      const taken = Math.min(BLOCK_BYTES - this.#blockLength, bytes.length - at);
      this.#block.set(bytes.subarray(at, at + taken), this.#blockLength);
      this.#blockLength += taken;
      at += taken;
    }
    return this;
  }

  /** 32 bytes. More input may follow. */
  digest(): Buffer {
    let pending = this.#pendingChunk();
    for (const left of this.#subtrees.toReversed()) pending = parentOf(left, compress(pending));
    const words = compress({ ...pending, counter: 0, flags: pending.flags | ROOT });
    const out = Buffer.alloc(words.length * 4);
    words.forEach((word, at) => out.writeUInt32LE(word, at * 4));
    return out;
  }

  #closeBlock(): void {
    if (this.#blocks === BLOCKS_PER_CHUNK - 1) return this.#closeChunk();
    this.#chaining = compress({
      chaining: this.#chaining,
      block: this.#words(),
      counter: this.#chunk,
      length: BLOCK_BYTES,
      flags: this.#blocks === 0 ? CHUNK_START : 0,
    });
    this.#blocks += 1;
    this.#blockLength = 0;
  }

  #closeChunk(): void {
    let chaining = compress(this.#pendingChunk());
    this.#chunk += 1;
    // As many subtrees are complete as the number of chunks has zeros at its end.
    for (let chunks = this.#chunk; chunks % 2 === 0; chunks /= 2) {
      const left = this.#subtrees.pop();
      if (left === undefined) break;
      chaining = compress(parentOf(left, chaining));
    }
    this.#subtrees.push(chaining);
    this.#chaining = IV;
    this.#blocks = 0;
    this.#blockLength = 0;
  }

  #pendingChunk(): Pending {
    return {
      chaining: this.#chaining,
      block: this.#words(),
      counter: this.#chunk,
      length: this.#blockLength,
      flags: CHUNK_END | (this.#blocks === 0 ? CHUNK_START : 0),
    };
  }

  #words(): Uint32Array {
    this.#block.fill(0, this.#blockLength);
    const words = new Uint32Array(BLOCK_BYTES / 4);
    for (let at = 0; at < words.length; at += 1) words[at] = this.#block.readUInt32LE(at * 4);
    return words;
  }
}

function parentOf(left: Uint32Array, right: Uint32Array): Pending {
  const block = new Uint32Array(BLOCK_BYTES / 4);
  block.set(left);
  block.set(right, left.length);
  return { chaining: IV, block, counter: 0, length: BLOCK_BYTES, flags: PARENT };
}

function compress({ chaining, block, counter, length, flags }: Pending): Uint32Array {
  const state = new Uint32Array(16);
  state.set(chaining);
  state.set(IV.subarray(0, 4), 8);
  state[12] = counter;
  state[13] = counter / 2 ** 32;
  state[14] = length;
  state[15] = flags;
  for (let at = 0; at < SCHEDULE.length; at += 16) {
    // Columns, then diagonals.
    mix(state, 0, 4, 8, 12, block, at + 0);
    mix(state, 1, 5, 9, 13, block, at + 2);
    mix(state, 2, 6, 10, 14, block, at + 4);
    mix(state, 3, 7, 11, 15, block, at + 6);
    mix(state, 0, 5, 10, 15, block, at + 8);
    mix(state, 1, 6, 11, 12, block, at + 10);
    mix(state, 2, 7, 8, 13, block, at + 12);
    mix(state, 3, 4, 9, 14, block, at + 14);
  }
  const result = new Uint32Array(8);
  for (let at = 0; at < 8; at += 1) result[at] = (state[at] ?? 0) ^ (state[at + 8] ?? 0);
  return result;
}

/**
 * One quarter round, with the words of the message that the schedule names at `at` and behind it: additions, and rotations
 * to the right by 16, 12, 8 and 7 bits.
 */
function mix(
  state: Uint32Array,
  ai: number,
  bi: number,
  ci: number,
  di: number,
  block: Uint32Array,
  at: number,
): void {
  const first = block[SCHEDULE[at] ?? 0] ?? 0;
  const second = block[SCHEDULE[at + 1] ?? 0] ?? 0;
  let a = state[ai] ?? 0;
  let b = state[bi] ?? 0;
  let c = state[ci] ?? 0;
  let d = state[di] ?? 0;
  a = (a + b + first) | 0;
  d = rotate(d ^ a, 16);
  c = (c + d) | 0;
  b = rotate(b ^ c, 12);
  a = (a + b + second) | 0;
  d = rotate(d ^ a, 8);
  c = (c + d) | 0;
  b = rotate(b ^ c, 7);
  state[ai] = a;
  state[bi] = b;
  state[ci] = c;
  state[di] = d;
}

function rotate(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

function schedule(): Uint8Array {
  const order: number[] = [];
  let round = PERMUTATION.map((_, at) => at);
  for (let at = 0; at < ROUNDS; at += 1) {
    order.push(...round);
    round = PERMUTATION.map((from) => round[from] ?? 0);
  }
  return Uint8Array.from(order);
}
