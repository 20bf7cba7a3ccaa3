/** Structures that native functions are given, laid out by hand. What a structure points to lives as long as its bytes. */
import koffi from "koffi";
import { guidToBytes } from "../guid.ts";
import type { Handle } from "./types.ts";

/** What else has to stay alive with some bytes: the garbage collector does not see native pointers. */
const kept = new WeakMap<Uint8Array, Uint8Array[]>();

/** A structure of `size` bytes, zeroed. Offsets are those of x86-64 and arm64, which agree. */
export class Structure {
  /** What the native function is given. */
  readonly bytes: Buffer;

  constructor(size: number) {
    // Not from the shared pool: addresses handed out must be those of this memory alone.
    this.bytes = Buffer.alloc(size);
  }

  u16(offset: number, value: number): this {
    this.bytes.writeUInt16LE(value, offset);
    return this;
  }

  u32(offset: number, value: number): this {
    this.bytes.writeUInt32LE(value, offset);
    return this;
  }

  u64(offset: number, value: Handle): this {
    this.bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), offset);
    return this;
  }

  guid(offset: number, value: string): this {
    guidToBytes(value).copy(this.bytes, offset);
    return this;
  }

  /** Members that are structures themselves, without a pointer between. */
  embed(offset: number, part: Structure): this {
    part.bytes.copy(this.bytes, offset);
    return this.#keep(part.bytes);
  }

  /** The address of memory of ours. */
  pointer(offset: number, to: Uint8Array): this {
    return this.u64(offset, addressOf(to)).#keep(to);
  }

  /** The address of a NUL-terminated UTF-16 text. */
  text(offset: number, text: string): this {
    return this.pointer(offset, textBytes(text));
  }

  #keep(memory: Uint8Array): this {
    const others = kept.get(this.bytes);
    if (others === undefined) kept.set(this.bytes, [memory]);
    else others.push(memory);
    return this;
  }
}

/** Where memory of ours is. Whoever hands the address on keeps the memory alive. */
export function addressOf(memory: Uint8Array): Handle {
  return koffi.address(memory);
}

/** Structures in a row, as functions take them with a count. */
export function arrayOf(structures: readonly Structure[]): Buffer {
  const size = structures[0]?.bytes.length ?? 0;
  const row = new Structure(size * structures.length);
  structures.forEach((structure, index) => row.embed(index * size, structure));
  return row.bytes;
}

/**
 * NUL-terminated UTF-16.
 *
 * @throws {TypeError} for a text with a NUL in it, which would silently end it early
 */
export function textBytes(text: string): Buffer {
  if (text.includes("\0"))
    throw new TypeError(
      `cannot hand over ${JSON.stringify(text)}: it holds a NUL at index ${text.indexOf("\0")}`,
    );
  return Buffer.from(`${text}\0`, "utf16le");
}
