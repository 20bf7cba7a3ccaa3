import assert from "node:assert/strict";

import { Any } from "../../../protos/gen/google.ts";
import { Reader, WireError, Writer } from "../../../protos/wire.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("Writer", () => {
  const values: [name: string, write: (writer: Writer) => unknown, hex: string][] = [
    ["a tag of one byte", (w) => w.tag(10), "0a"],
    ["a tag of two bytes", (w) => w.tag(16 * 8 + 2), "8201"],
    ["the greatest tag", (w) => w.tag((2 ** 29 - 1) * 8 + 5), "fdffffff0f"],
    ["uint32, 0", (w) => w.uint32(0), "00"],
    ["uint32, 127", (w) => w.uint32(127), "7f"],
    ["uint32, 128", (w) => w.uint32(128), "8001"],
    ["uint32, greatest", (w) => w.uint32(0xffff_ffff), "ffffffff0f"],
    ["int32, -1, in ten bytes", (w) => w.int32(-1), "ffffffffffffffffff01"],
    ["int32, least", (w) => w.int32(-(2 ** 31)), "80808080f8ffffffff01"],
    ["int32, greatest", (w) => w.int32(2 ** 31 - 1), "ffffffff07"],
    ["sint32, -1", (w) => w.sint32(-1), "01"],
    ["sint32, greatest", (w) => w.sint32(2 ** 31 - 1), "feffffff0f"],
    ["bool", (w) => w.bool(true).bool(false), "0100"],
    ["uint64, small", (w) => w.uint64(300n), "ac02"],
    ["uint64, 2^32 - 1", (w) => w.uint64(2n ** 32n - 1n), "ffffffff0f"],
    ["uint64, 2^32", (w) => w.uint64(2n ** 32n), "8080808010"],
    ["uint64, greatest", (w) => w.uint64(2n ** 64n - 1n), "ffffffffffffffffff01"],
    ["int64, -1", (w) => w.int64(-1n), "ffffffffffffffffff01"],
    ["int64, least", (w) => w.int64(-(2n ** 63n)), "80808080808080808001"],
    ["sint64, -2", (w) => w.sint64(-2n), "03"],
    ["sint64, least", (w) => w.sint64(-(2n ** 63n)), "ffffffffffffffffff01"],
    ["fixed32", (w) => w.fixed32(0x12345678), "78563412"],
    ["sfixed32", (w) => w.sfixed32(-2), "feffffff"],
    ["fixed64", (w) => w.fixed64(2n ** 64n - 1n), "ffffffffffffffff"],
    ["sfixed64", (w) => w.sfixed64(-2n), "feffffffffffffff"],
    ["float", (w) => w.float(1.5), "0000c03f"],
    ["double", (w) => w.double(-1.5), "000000000000f8bf"],
    ["an ASCII string", (w) => w.string("State"), "055374617465"],
    ["a short string of other characters", (w) => w.string("a€"), "0461e282ac"],
    ["a lone surrogate, replaced", (w) => w.string("\ud800"), "03efbfbd"],
    ["an empty string", (w) => w.string(""), "00"],
    ["bytes", (w) => w.bytes(new Uint8Array([1, 2])), "020102"],
    ["raw bytes", (w) => w.raw(new Uint8Array([1, 2])), "0102"],
  ];
  for (const [name, write, expected] of values) {
    it(`writes ${name}`, () => {
      const writer = new Writer();
      write(writer);
      assert.equal(writer.length, expected.length / 2);
      assert.equal(hex(writer.finish()), expected);
    });
  }

  const refused: [write: (writer: Writer) => unknown, message: string][] = [
    [(w) => w.uint32(-1), "cannot encode message: -1 is no uint32"],
    [(w) => w.uint32(2 ** 32), "cannot encode message: 4294967296 is no uint32"],
    [(w) => w.uint32(1.5), "cannot encode message: 1.5 is no uint32"],
    [(w) => w.uint32(Number.NaN), "cannot encode message: NaN is no uint32"],
    [(w) => w.int32(2 ** 31), "cannot encode message: 2147483648 is no int32"],
    [(w) => w.sint32(2 ** 31), "cannot encode message: 2147483648 is no sint32"],
    [(w) => w.fixed32(-1), "cannot encode message: -1 is no fixed32"],
    [(w) => w.sfixed32(2 ** 31), "cannot encode message: 2147483648 is no sfixed32"],
    [(w) => w.uint64(-1n), "cannot encode message: -1 is no uint64"],
    [(w) => w.uint64(2n ** 64n), "cannot encode message: 18446744073709551616 is no uint64"],
    [(w) => w.int64(2n ** 63n), "cannot encode message: 9223372036854775808 is no int64"],
    [(w) => w.sint64(2n ** 63n), "cannot encode message: 9223372036854775808 is no sint64"],
    [(w) => w.fixed64(-1n), "cannot encode message: -1 is no fixed64"],
    [(w) => w.string(7 as unknown as string), "cannot encode message: 7 is no string"],
    [(w) => w.bytes("a" as unknown as Uint8Array), "cannot encode message: a is no Uint8Array"],
    [(w) => w.sfixed64(2n ** 63n), "cannot encode message: 9223372036854775808 is no sfixed64"],
  ];
  for (const [write, message] of refused) {
    it(`refuses: ${message}`, () => {
      assert.throws(
        () => write(new Writer()),
        (error) => error instanceof WireError && error.message === message && error.offset === undefined,
      );
    });
  }

  it("grows beyond its first size, keeping what was written", () => {
    const writer = new Writer(1);
    for (let value = 0; value < 5000; value++) writer.uint32(value % 128);
    assert.deepEqual(
      writer.finish(),
      Uint8Array.from({ length: 5000 }, (_none, index) => index % 128),
    );
  });

  it("writes strings of every length at which it changes its way", () => {
    for (const length of [11, 12, 13, 31, 32, 33, 42, 43, 127, 128, 129, 5460, 5461, 5462, 16_383, 16_384]) {
      for (const text of ["a".repeat(length), `${"a".repeat(length - 1)}ü`, "€".repeat(length)]) {
        const written = new Writer(1).string(text).uint32(5).finish();
        const reader = new Reader(written);
        assert.equal(reader.string(), text);
        assert.equal(reader.uint32(), 5);
        assert.equal(written.length, new Writer().bytes(Buffer.from(text)).length + 1);
      }
    }
  });

  for (const size of [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
    it(`moves a nested value of ${size} bytes to make room for its length`, () => {
      const content = new Uint8Array(size).fill(7);
      const writer = new Writer().tag(10);
      const start = writer.open();
      writer.raw(content).close(start);
      writer.tag(16).uint32(5);

      const reader = new Reader(writer.finish());
      assert.equal(reader.tag(), 10);
      assert.deepEqual(reader.bytes(), content);
      assert.deepEqual([reader.tag(), reader.uint32(), reader.tag()], [16, 5, 0]);
    });
  }

  it("writes a nested message as a bytes field with the same content", () => {
    const any = { typeUrl: "x", value: new Uint8Array(200) };
    const nested = new Writer().tag(18).message(Any, any).finish();
    assert.deepEqual(nested, new Writer().tag(18).bytes(Any.encode(any)).finish());
  });

  it("leaves room for a header that the caller fills in", () => {
    const writer = new Writer().uint32(1);
    const at = writer.reserve(3);
    const result = writer.uint32(2).finish();
    assert.equal(at, 1);
    assert.equal(hex(result), "0100000002");
  });
});
