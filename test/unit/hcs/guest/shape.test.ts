import assert from "node:assert/strict";
import {
  bits32,
  count,
  flag,
  list,
  members,
  object,
  text,
  uint32,
  type Read,
} from "../../../../hcs/guest/shape.ts";

const ACCEPTED: readonly (readonly [name: string, read: Read<unknown>, value: unknown])[] = [
  ["text", text, ""],
  ["flag", flag, false],
  ["uint32", uint32, 0xffff_ffff],
  ["bits32", bits32, -0x8000_0000],
  ["bits32", bits32, 0xffff_ffff],
  ["count", count, 0],
  ["count", count, 2n ** 64n - 1n],
  ["list", list(text), ["a", "b"]],
];

const REFUSED: readonly (readonly [name: string, read: Read<unknown>, value: unknown, message: string])[] = [
  ["text", text, 5, "document is 5, expected a string"],
  ["flag", flag, "true", "document is a string, expected a boolean"],
  ["uint32", uint32, -1, "document is -1, expected an integer from 0 to 4294967295"],
  ["uint32", uint32, 1.5, "document is 1.5, expected an integer from 0 to 4294967295"],
  ["uint32", uint32, 1n, "document is 1, expected an integer from 0 to 4294967295"],
  [
    "bits32",
    bits32,
    0x1_0000_0000,
    "document is 4294967296, expected an integer from -2147483648 to 4294967295",
  ],
  ["count", count, -1, "document is -1, expected a non-negative integer of 64 bits"],
  ["count", count, 2n ** 64n, "document is 18446744073709551616, expected a non-negative integer of 64 bits"],
  ["count", count, null, "document is null, expected a non-negative integer of 64 bits"],
  ["list", list(text), { length: 0 }, "document is an object, expected an array"],
  ["list", list(text), ["a", true], "/1 is true, expected a string"],
  ["object", members({}), [], "document is an array, expected an object"],
  ["object", members({ a: members({ b: text }) }), { a: { b: 1 } }, "/a/b is 1, expected a string"],
  ["object", object({ a: text }, {}), {}, "/a is missing"],
  ["object", object({ a: text }, {}), { a: null }, "/a is missing"],
  ["object", object({ toString: text }, {}), {}, "/toString is missing"],
];

describe("shape readers", () => {
  for (const [name, read, value] of ACCEPTED) {
    it(`${name} takes ${String(value)}`, () => assert.deepEqual(read(value, ""), value));
  }

  for (const [name, read, value, message] of REFUSED) {
    it(`${name} refuses: ${message}`, () =>
      assert.throws(() => read(value, ""), { name: "ShapeError", message }));
  }

  it("object keeps what it knows, and takes null for absent", () => {
    const read = object({ a: text }, { b: uint32, c: flag });
    assert.deepEqual(read({ a: "x", b: null, c: true, d: "unknown" }, ""), { a: "x", c: true });
  });
});
