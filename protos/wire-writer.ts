/** Writes the protobuf wire format into one growing buffer, nested messages in place. */
import type { MessageType } from "./types.ts";
import { WireError } from "./wire-error.ts";

/** First size in bytes; enough for most requests. */
const INITIAL_SIZE = 256;
/** The longest varint: 64 bits, seven to a byte. */
const MAX_VARINT = 10;
/** Below this, copying characters one by one is faster than calling into the runtime. */
const SHORT_STRING = 32;
/** Up to this a length takes at most two bytes, at three bytes to a character. */
const LONG_STRING = 0x3fff / 3;

/** Builds one encoded message. Methods that write return the writer, so that a tag and its value make one line. */
export class Writer {
  #buffer: Buffer;
  /** Where the message begins in the buffer, where it ends so far, and where the room for it does. */
  #start = 0;
  #length = 0;
  #limit: number;

  /** @param size expected length of the result in bytes; it grows when that is too little */
  constructor(size: number = INITIAL_SIZE) {
    this.#buffer = Buffer.allocUnsafe(Math.max(size, MAX_VARINT));
    this.#limit = this.#buffer.length;
  }

  /**
   * Forgets everything and writes into `buffer` from now on, from `start` to `end`, as long as there is room: what outgrows it moves to
   * a buffer of the writer's own, and {@link Writer.isIn} tells.
   */
  aim(buffer: Buffer, start: number, end: number): void {
    this.#buffer = buffer;
    this.#start = start;
    this.#length = start;
    this.#limit = end;
  }

  /** Whether what was written is in `buffer`. */
  isIn(buffer: Buffer): boolean {
    return this.#buffer === buffer;
  }

  /** Number of bytes written so far. */
  get length(): number {
    return this.#length - this.#start;
  }

  /** Number of bytes it can hold without growing: a good first size for the next message of the kind. */
  get capacity(): number {
    return this.#limit - this.#start;
  }

  /** What was written. The writer must not be used afterwards: the result is its buffer, not a copy. */
  finish(): Uint8Array {
    return new Uint8Array(this.#buffer.buffer, this.#buffer.byteOffset + this.#start, this.length);
  }

  /** Leaves `size` bytes for the caller to fill in the result, for instance a frame header; returns their offset. */
  reserve(size: number): number {
    this.#ensure(size);
    const at = this.#length;
    this.#buffer.fill(0, at, at + size);
    this.#length = at + size;
    return at;
  }

  /** A field's tag: its number × 8 + wire type. */
  tag(tag: number): this {
    this.#ensure(MAX_VARINT);
    this.#varint(tag);
    return this;
  }

  uint32(value: number): this {
    if (value >>> 0 !== value) throw unfit("uint32", value);
    this.#ensure(MAX_VARINT);
    this.#varint(value);
    return this;
  }

  /** An int32 or an enum. */
  int32(value: number): this {
    if ((value | 0) !== value) throw unfit("int32", value);
    this.#ensure(MAX_VARINT);
    if (value >= 0) this.#varint(value);
    else this.#varint64(value >>> 0, 0xffff_ffff);
    return this;
  }

  sint32(value: number): this {
    if ((value | 0) !== value) throw unfit("sint32", value);
    this.#ensure(MAX_VARINT);
    this.#varint(((value << 1) ^ (value >> 31)) >>> 0);
    return this;
  }

  bool(value: boolean): this {
    this.#ensure(1);
    this.#buffer[this.#length++] = value ? 1 : 0;
    return this;
  }

  uint64(value: bigint): this {
    if (BigInt.asUintN(64, value) !== value) throw unfit("uint64", value);
    return this.#bigint(value);
  }

  int64(value: bigint): this {
    if (BigInt.asIntN(64, value) !== value) throw unfit("int64", value);
    return this.#bigint(BigInt.asUintN(64, value));
  }

  sint64(value: bigint): this {
    if (BigInt.asIntN(64, value) !== value) throw unfit("sint64", value);
    return this.#bigint(BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)));
  }

  fixed32(value: number): this {
    if (value >>> 0 !== value) throw unfit("fixed32", value);
    this.#ensure(4);
    this.#length = this.#buffer.writeUInt32LE(value, this.#length);
    return this;
  }

  sfixed32(value: number): this {
    if ((value | 0) !== value) throw unfit("sfixed32", value);
    this.#ensure(4);
    this.#length = this.#buffer.writeInt32LE(value, this.#length);
    return this;
  }

  fixed64(value: bigint): this {
    if (BigInt.asUintN(64, value) !== value) throw unfit("fixed64", value);
    this.#ensure(8);
    this.#length = this.#buffer.writeBigUInt64LE(value, this.#length);
    return this;
  }

  sfixed64(value: bigint): this {
    if (BigInt.asIntN(64, value) !== value) throw unfit("sfixed64", value);
    this.#ensure(8);
    this.#length = this.#buffer.writeBigInt64LE(value, this.#length);
    return this;
  }

  float(value: number): this {
    this.#ensure(4);
    this.#length = this.#buffer.writeFloatLE(value, this.#length);
    return this;
  }

  double(value: number): this {
    this.#ensure(8);
    this.#length = this.#buffer.writeDoubleLE(value, this.#length);
    return this;
  }

  /** A string as UTF-8; a lone surrogate becomes U+FFFD. */
  string(value: string): this {
    if (typeof value !== "string") throw unfit("string", value);
    if (value.length < SHORT_STRING && this.#ascii(value)) return this;
    if (value.length > LONG_STRING) {
      const size = Buffer.byteLength(value, "utf8");
      this.#ensure(size + MAX_VARINT);
      this.#varint(size);
      this.#length += this.#buffer.write(value, this.#length, size, "utf8");
      return this;
    }
    this.#ensure(value.length * 3 + 2);
    // Most are ASCII, as long in bytes as in characters; #prefix() makes room where the length takes a byte more.
    const start = this.#length + (value.length < 0x80 ? 1 : 2);
    this.#length = start + this.#buffer.write(value, start, "utf8");
    this.#prefix(start, value.length < 0x80 ? 1 : 2);
    return this;
  }

  bytes(value: Uint8Array): this {
    if (!(value instanceof Uint8Array)) throw unfit("Uint8Array", value);
    this.#ensure(value.length + MAX_VARINT);
    this.#varint(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** Bytes as they are, with neither tag nor length. */
  raw(value: Uint8Array): this {
    this.#ensure(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** A nested message. On the wire a `bytes` field that holds an encoded message is the same thing. */
  message<T>(type: MessageType<T>, value: Partial<T>): this {
    const start = this.open();
    type.write(this, value);
    this.close(start);
    return this;
  }

  /** Begins a length-delimited value of yet unknown length; pass the result to {@link Writer.close}. */
  open(): number {
    this.#ensure(1);
    // Most are shorter than 128 bytes, whose length takes one; close() moves the others.
    return ++this.#length;
  }

  /** Ends a length-delimited value and fills in its length. */
  close(start: number): void {
    this.#prefix(start, 1);
  }

  /** Writes the length of what was written from `start` before it, where `room` bytes were left for it. */
  #prefix(start: number, room: number): void {
    const end = this.#length;
    const size = end - start;
    if (size < 0x80 && room === 1) {
      this.#buffer[start - 1] = size;
      return;
    }
    const more = varintSize(size) - room;
    if (more > 0) {
      this.#ensure(more);
      this.#buffer.copyWithin(start + more, start, end);
    }
    this.#length = start - room;
    this.#varint(size);
    this.#length = end + more;
  }

  /** Writes a short string of ASCII characters; false, with nothing written, when it has others. */
  #ascii(value: string): boolean {
    const size = value.length;
    this.#ensure(size + 1);
    const buffer = this.#buffer;
    let at = this.#length;
    buffer[at++] = size;
    for (let index = 0; index < size; index++) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) return false;
      buffer[at++] = code;
    }
    this.#length = at;
    return true;
  }

  #bigint(value: bigint): this {
    this.#ensure(MAX_VARINT);
    if (value <= 0xffff_ffffn) this.#varint(Number(value));
    else this.#varint64(Number(value & 0xffff_ffffn), Number(value >> 32n));
    return this;
  }

  /** An unsigned varint of up to 32 bits; room for it is the caller's business. */
  #varint(value: number): void {
    const buffer = this.#buffer;
    let at = this.#length;
    while (value > 0x7f) {
      buffer[at++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    buffer[at++] = value;
    this.#length = at;
  }

  /** A varint of 64 bits given as two unsigned halves; room for it is the caller's business. */
  #varint64(low: number, high: number): void {
    const buffer = this.#buffer;
    let at = this.#length;
    while (high > 0) {
      buffer[at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#length = at;
    this.#varint(low);
  }

  #ensure(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#limit) return;
    // Offsets that open() has given out stay what they are.
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#limit * 2 - this.#start));
    this.#buffer.copy(grown, this.#start, this.#start, this.#length);
    this.#buffer = grown;
    this.#limit = grown.length;
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

/** @param value what was given; from a caller without types it can be anything */
function unfit(kind: string, value: unknown): WireError {
  const reason = `${String(value)} is no ${kind}`;
  return new WireError(`cannot encode message: ${reason}`, { reason });
}
