import assert from "node:assert/strict";

import type { MessageType } from "../../../protos/types.ts";
import { MAX_DEPTH, Reader, WireError } from "../../../protos/wire.ts";

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const reader = (hex: string): Reader => new Reader(bytes(hex));

/** The error that `act` throws, which must be a WireError. */
function wireError(act: () => unknown): WireError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof WireError, `not a WireError: ${String(error)}`);
    return error;
  }
  return assert.fail("nothing was thrown");
}

describe("Reader", () => {
  const scalars: [name: string, hex: string, read: (reader: Reader) => unknown, value: unknown][] = [
    ["uint32, one byte", "7f", (r) => r.uint32(), 127],
    ["uint32, two bytes", "ac02", (r) => r.uint32(), 300],
    ["uint32, greatest", "ffffffff0f", (r) => r.uint32(), 4294967295],
    ["uint32 drops bits above 32", "ffffffff1f", (r) => r.uint32(), 4294967295],
    ["uint32 not in shortest form", "8100", (r) => r.uint32(), 1],
    ["int32, greatest", "ffffffff07", (r) => r.int32(), 2147483647],
    ["int32, -1 in ten bytes", "ffffffffffffffffff01", (r) => r.int32(), -1],
    ["int32, -1 in five bytes", "ffffffff0f", (r) => r.int32(), -1],
    ["int32, least", "80808080f8ffffffff01", (r) => r.int32(), -2147483648],
    ["sint32, 1", "02", (r) => r.sint32(), 1],
    ["sint32, -1", "01", (r) => r.sint32(), -1],
    ["sint32, least", "ffffffff0f", (r) => r.sint32(), -2147483648],
    ["uint64, small", "01", (r) => r.uint64(), 1n],
    ["uint64, 2^32", "8080808010", (r) => r.uint64(), 4294967296n],
    ["uint64, 2^53 + 1", "8180808080808010", (r) => r.uint64(), 9007199254740993n],
    ["uint64, greatest", "ffffffffffffffffff01", (r) => r.uint64(), 18446744073709551615n],
    ["int64, -1", "ffffffffffffffffff01", (r) => r.int64(), -1n],
    ["int64, least", "80808080808080808001", (r) => r.int64(), -9223372036854775808n],
    ["sint64, least", "ffffffffffffffffff01", (r) => r.sint64(), -9223372036854775808n],
    ["sint64, -2", "03", (r) => r.sint64(), -2n],
    ["bool, false", "00", (r) => r.bool(), false],
    ["bool, true", "01", (r) => r.bool(), true],
    ["bool, only a high bit", "80808080808080808001", (r) => r.bool(), true],
    ["fixed32", "78563412", (r) => r.fixed32(), 0x12345678],
    ["sfixed32", "ffffffff", (r) => r.sfixed32(), -1],
    ["fixed64", "ffffffffffffffff", (r) => r.fixed64(), 18446744073709551615n],
    ["sfixed64", "feffffffffffffff", (r) => r.sfixed64(), -2n],
    ["float", "0000c03f", (r) => r.float(), 1.5],
    ["double", "000000000000f8bf", (r) => r.double(), -1.5],
    ["string", "05 68c3a96c6f", (r) => r.string(), "hélo"],
    ["string with a byte order mark", "04 efbbbf61", (r) => r.string(), "\ufeffa"],
    ["string that is no UTF-8", "03 61ff62", (r) => r.string(), "a\ufffdb"],
    ["empty string", "00", (r) => r.string(), ""],
    ["bytes", "03 00ff80", (r) => r.bytes(), new Uint8Array([0, 255, 128])],
    ["empty bytes", "00", (r) => r.bytes(), new Uint8Array(0)],
  ];
  for (const [name, hex, read, value] of scalars) {
    it(`reads ${name}`, () => {
      const input = reader(hex);
      assert.deepEqual(read(input), value);
      assert.equal(input.position, bytes(hex).length);
      assert.equal(input.more(), false);
    });
  }

  const refused: [
    name: string,
    hex: string,
    read: (reader: Reader) => unknown,
    reason: string,
    offset: number,
  ][] = [
    ["an empty varint", "", (r) => r.uint32(), "input ends within a varint", 0],
    ["a cut varint", "8080", (r) => r.uint64(), "input ends within a varint", 0],
    [
      "a varint of eleven bytes",
      "8080808080808080808001",
      (r) => r.uint64(),
      "varint is longer than 64 bits",
      0,
    ],
    ["a varint of 65 bits", "ffffffffffffffffff02", (r) => r.int32(), "varint is longer than 64 bits", 0],
    ["a cut fixed32", "000000", (r) => r.fixed32(), "4 bytes announced, 3 left", 0],
    ["a cut double", "00000000000000", (r) => r.double(), "8 bytes announced, 7 left", 0],
    ["a cut string", "0361", (r) => r.string(), "3 bytes announced, 1 left", 1],
    ["bytes longer than any input", "ffffffffffffffffff01", (r) => r.bytes(), "length is beyond 32 bits", 0],
    ["a length above 32 bits", "8080808010", (r) => r.string(), "length is beyond 32 bits", 0],
    ["a message longer than its parent", "05 00", (r) => r.open(), "5 bytes announced, 1 left", 0],
    ["field number 0", "02", (r) => r.tag(), "field number is out of range", 0],
    ["a field number beyond 2^29 - 1", "8a80808010", (r) => r.tag(), "field number is out of range", 0],
    ["an end of no group", "", (r) => r.skip(12), "group 1 ends without a start", 0],
    ["wire type 6", "", (r) => r.skip(14), "wire type 6 does not exist", 0],
    ["wire type 7", "", (r) => r.skip(15), "wire type 7 does not exist", 0],
    ["a group without an end", "0801", (r) => r.skip(19), "group 2 has no end", 0],
    ["a group ended as another", "1c", (r) => r.skip(19), "group 3 ends without a start", 1],
  ];
  for (const [name, hex, read, reason, offset] of refused) {
    it(`refuses ${name}`, () => {
      const error = wireError(() => read(reader(hex)));
      assert.deepEqual({ reason: error.reason, offset: error.offset }, { reason, offset });
      assert.equal(error.message, `cannot decode message: ${reason} (at byte ${offset})`);
    });
  }

  it("tells the end of a message by tag 0", () => {
    const input = reader("0801");
    assert.deepEqual([input.tag(), input.uint32(), input.tag(), input.tag()], [8, 1, 0, 0]);
  });

  const skipped: [name: string, hex: string, tag: number][] = [
    ["a varint", "ffffffffffffffffff01", 8],
    ["eight bytes", "0001020304050607", 9],
    ["a length-delimited value", "03 010203", 10],
    ["an empty group", "0c", 11],
    ["a group with fields and groups in it", "0801 13 1201aa 14 0c", 11],
    ["four bytes", "00010203", 13],
  ];
  for (const [name, hex, tag] of skipped) {
    it(`skips ${name}`, () => {
      const input = reader(`${hex} 2a`);
      input.skip(tag);
      assert.equal(input.uint32(), 42);
    });
  }

  it("shares memory between bytes and input instead of copying", () => {
    const source = bytes("ff 02 0102");
    const value = new Reader(source.subarray(1)).bytes();
    source[2] = 9;
    assert.deepEqual(value, new Uint8Array([9, 2]));
  });

  it("reads one message in the middle of others, and tells of errors from its start", () => {
    const whole = bytes("ff 02 0102 03");
    const input = new Reader(whole, 1, 4);
    assert.equal(input.span(), 2);
    assert.equal(input.position, 4);
    assert.equal(input.more(), false);
    assert.throws(() => new Reader(whole, 4, 5).span(), { reason: "3 bytes announced, 0 left", offset: 1 });
  });

  it("reads a view of a larger buffer within the view alone", () => {
    const whole = bytes("00 03 616263");
    assert.throws(() => new Reader(whole.subarray(1, 4)).string(), WireError);
  });

  it("keeps fields from reaching past the message that holds them", () => {
    // A message of one byte that claims a string of two; the bytes are there, but are its parent's.
    const input = reader("01 02 6162");
    input.open();
    assert.equal(wireError(() => input.string()).reason, "2 bytes announced, 0 left");
  });

  it("returns to the outer message where the inner one ends", () => {
    const input = reader("02 0801 1002");
    const outer = input.open();
    assert.deepEqual([input.tag(), input.uint32(), input.tag()], [8, 1, 0]);
    input.close(outer);
    assert.deepEqual([input.tag(), input.uint32(), input.tag()], [16, 2, 0]);
  });

  it("reads packed values to the end of the field", () => {
    const input = reader("03 01 ac02 2a");
    const values: number[] = [];
    input.packed(() => values.push(input.uint32()));
    assert.deepEqual(values, [1, 300]);
    assert.equal(input.uint32(), 42);
  });

  /** A message that holds itself in field 1. */
  interface Nest {
    inner: Nest | undefined;
  }
  const nest: MessageType<Nest> = {
    typeName: "Nest",
    create: () => ({ inner: undefined }),
    encode: () => assert.fail("not used"),
    append: () => assert.fail("not used"),
    decode: (input) => nest.read(new Reader(input)),
    write: () => assert.fail("not used"),
    read: (input, into = nest.create()) => {
      for (let tag = input.tag(); tag !== 0; tag = input.tag()) {
        if (tag === 10) into.inner = input.message(nest, into.inner);
        else input.skip(tag);
      }
      return into;
    },
  };
  /** `depth` messages in one another, the innermost empty. */
  function nested(depth: number): Uint8Array {
    let encoded: number[] = [];
    for (let level = 0; level < depth; level++) encoded = [10, ...lengthOf(encoded), ...encoded];
    return new Uint8Array(encoded);
  }
  const lengthOf = (encoded: number[]): number[] =>
    encoded.length < 128 ? [encoded.length] : [(encoded.length & 0x7f) | 0x80, encoded.length >> 7];

  it("reads messages nested as deep as the limit, and not deeper", () => {
    let depth = 0;
    for (let at = nest.decode(nested(MAX_DEPTH)).inner; at !== undefined; at = at.inner) depth++;
    assert.equal(depth, MAX_DEPTH);
    assert.equal(
      wireError(() => nest.decode(nested(MAX_DEPTH + 1))).reason,
      "messages are nested deeper than 100",
    );
  });

  it("counts depth by nesting, not by number of messages", () => {
    const siblings = new Uint8Array(Array.from({ length: 1000 }, () => [10, 0]).flat());
    assert.deepEqual(nest.decode(siblings), { inner: { inner: undefined } });
  });

  it("refuses groups nested deeper than the limit", () => {
    const groups = new Uint8Array(100_000).fill(11);
    assert.equal(wireError(() => nest.decode(groups)).reason, "messages are nested deeper than 100");
  });
});
