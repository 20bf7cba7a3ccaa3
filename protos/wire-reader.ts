/**
 * Reads the protobuf wire format. Every length is compared with what is left of the input before
 * anything is allocated for it, so that a hostile prefix costs nothing.
 */
import type { MessageType } from "./types.ts";
import { WireError } from "./wire-error.ts";

/** How deep messages and groups may nest: enough for any real message, far from the end of the stack. */
export const MAX_DEPTH = 100;

const TWO_POW_32 = 0x1_0000_0000;
const SHORT_STRING = 12;

/** The low three bits of a tag: how the value after it is laid out. */
export const WireType = {
  Varint: 0,
  Fixed64: 1,
  LengthDelimited: 2,
  StartGroup: 3,
  EndGroup: 4,
  Fixed32: 5,
} as const;

/**
 * A cursor over one encoded message. Nested messages narrow the readable range while they are read,
 * so no field can reach past the message that holds it.
 */
export class Reader {
  readonly #buffer: Buffer;
  readonly #start: number;
  #position: number;
  #limit: number;
  #depth = 0;
  /** Bits 32 to 63 of the last varint; {@link Reader.#varint} returns the lower ones. */
  #high = 0;

  /**
   * @param bytes what holds one message; must not change while `bytes` fields taken from it are in use, they share its memory
   * @param start where the message begins
   * @param end where it ends
   */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#start = start;
    this.#position = start;
    this.#limit = end;
  }

  /** The offset of the next byte, in what the reader was given. */
  get position(): number {
    return this.#position;
  }

  /** Whether the message being read has more fields, or a packed field more values. */
  more(): boolean {
    return this.#position < this.#limit;
  }

  /**
   * The next field's tag (number × 8 + wire type), or 0 at the end of the message.
   *
   * @throws {WireError} field number 0 or beyond 2^29 - 1
   */
  tag(): number {
    if (this.#position >= this.#limit) return 0;
    const at = this.#position;
    const tag = this.#varint();
    if (tag < 8 || this.#high !== 0) throw this.#error("field number is out of range", at);
    return tag;
  }

  /** An unsigned 32-bit varint; higher bits are dropped, as in every protobuf implementation. */
  uint32(): number {
    return this.#varint();
  }

  /** An int32 or an enum: negative ones come as ten bytes, of which the lower 32 bits count. */
  int32(): number {
    return this.#varint() | 0;
  }

  sint32(): number {
    const value = this.#varint();
    return (value >>> 1) ^ -(value & 1);
  }

  bool(): boolean {
    return this.#varint() !== 0 || this.#high !== 0;
  }

  uint64(): bigint {
    const low = this.#varint();
    const high = this.#high;
    // Two conversions and a shift cost more than one multiplication in doubles where that is exact.
    return high < 0x20_0000 ? BigInt(high * TWO_POW_32 + low) : (BigInt(high) << 32n) | BigInt(low);
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64());
  }

  sint64(): bigint {
    const value = this.uint64();
    return (value >> 1n) ^ -(value & 1n);
  }

  fixed32(): number {
    return this.#buffer.readUInt32LE(this.#advance(4));
  }

  sfixed32(): number {
    return this.#buffer.readInt32LE(this.#advance(4));
  }

  fixed64(): bigint {
    return this.#buffer.readBigUInt64LE(this.#advance(8));
  }

  sfixed64(): bigint {
    return this.#buffer.readBigInt64LE(this.#advance(8));
  }

  float(): number {
    return this.#buffer.readFloatLE(this.#advance(4));
  }

  double(): number {
    return this.#buffer.readDoubleLE(this.#advance(8));
  }

  /** A string; bytes that are no UTF-8 become U+FFFD, since a peer's odd path is no reason to refuse its call. */
  string(): string {
    const length = this.#length();
    const start = this.#advance(length);
    return this.#ascii(start, length) ?? this.#buffer.toString("utf8", start, start + length);
  }

  /** A view into the input, not a copy. */
  bytes(): Uint8Array {
    const length = this.#length();
    const start = this.#advance(length);
    return new Uint8Array(this.#buffer.buffer, this.#buffer.byteOffset + start, length);
  }

  /** Passes over a `bytes` value, which then ends at {@link Reader.position}; returns its length. */
  span(): number {
    const length = this.#length();
    this.#advance(length);
    return length;
  }

  /** A nested message, merged into `into` when the field occurred before. */
  message<T>(type: MessageType<T>, into?: T): T {
    const outer = this.open();
    const message = type.read(this, into);
    this.close(outer);
    return message;
  }

  /** The values of a packed repeated field: calls `read` until they are used up. */
  packed(read: () => void): void {
    const outer = this.open();
    while (this.#position < this.#limit) read();
    this.close(outer);
  }

  /** Enters a length-delimited value; returns what {@link Reader.close} needs to leave it. */
  open(): number {
    const at = this.#position;
    const length = this.#length();
    if (length > this.#limit - this.#position) throw this.#truncated(length, at);
    if (++this.#depth > MAX_DEPTH) throw this.#error(`messages are nested deeper than ${MAX_DEPTH}`, at);
    const outer = this.#limit;
    this.#limit = this.#position + length;
    return outer;
  }

  /** Leaves a length-delimited value that was read to its end. */
  close(outer: number): void {
    this.#limit = outer;
    this.#depth--;
  }

  /** Passes over the value of a field nobody asked for. */
  skip(tag: number): void {
    switch (tag & 7) {
      case WireType.Varint:
        this.#varint();
        return;
      case WireType.Fixed64:
        this.#advance(8);
        return;
      case WireType.LengthDelimited:
        this.#advance(this.#length());
        return;
      case WireType.Fixed32:
        this.#advance(4);
        return;
      case WireType.StartGroup:
        this.#skipGroup(tag >>> 3);
        return;
      default:
        throw this.#error(
          (tag & 7) === WireType.EndGroup
            ? `group ${tag >>> 3} ends without a start`
            : `wire type ${tag & 7} does not exist`,
          this.#position,
        );
    }
  }

  #skipGroup(number: number): void {
    const at = this.#position;
    if (++this.#depth > MAX_DEPTH) throw this.#error(`messages are nested deeper than ${MAX_DEPTH}`, at);
    const end = ((number << 3) | WireType.EndGroup) >>> 0;
    for (;;) {
      const tag = this.tag();
      if (tag === 0) throw this.#error(`group ${number} has no end`, at);
      if (tag === end) break;
      this.skip(tag);
    }
    this.#depth--;
  }

  /** A short string of ASCII characters, or `undefined` if it is none: for those this is faster than the runtime. */
  #ascii(start: number, length: number): string | undefined {
    if (length > SHORT_STRING) return undefined;
    let text = "";
    for (let at = start; at < start + length; at++) {
      const code = this.#buffer[at] as number;
      if (code > 0x7f) return undefined;
      text += String.fromCharCode(code);
    }
    return text;
  }

  /** Reads a varint of up to 64 bits: returns the lower 32, unsigned, and leaves the others in `#high`. */
  #varint(): number {
    const buffer = this.#buffer;
    const at = this.#position;
    const limit = this.#limit;
    let position = at;
    if (at < limit && (buffer[at] as number) < 0x80) {
      this.#position = at + 1;
      this.#high = 0;
      return buffer[at] as number;
    }
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (position >= limit) throw this.#error("input ends within a varint", at);
      const byte = buffer[position++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else {
        if (byte > 1) throw this.#error("varint is longer than 64 bits", at);
        high |= bits << 31;
      }
      if (byte < 0x80) break;
    }
    this.#position = position;
    this.#high = high >>> 0;
    return low >>> 0;
  }

  /** A length prefix. No input is longer than 32 bits can say; upper bits must not be dropped, though. */
  #length(): number {
    const at = this.#position;
    const length = this.#varint();
    if (this.#high !== 0) throw this.#error("length is beyond 32 bits", at);
    return length;
  }

  /** Takes `length` bytes and returns where they start. */
  #advance(length: number): number {
    const start = this.#position;
    if (length > this.#limit - start) throw this.#truncated(length, start);
    this.#position = start + length;
    return start;
  }

  #truncated(length: number, at: number): WireError {
    return this.#error(`${length} bytes announced, ${this.#limit - this.#position} left`, at);
  }

  /** @param at an offset, which is told from the start of the message */
  #error(reason: string, at: number): WireError {
    const offset = at - this.#start;
    return new WireError(`cannot decode message: ${reason} (at byte ${offset})`, { reason, offset });
  }
}
