import assert from "node:assert/strict";
import {
  boolean,
  guid,
  int32,
  stringList,
  uint32,
  uint32List,
  uint64,
  wideUint64,
} from "../../../../oci/annotations/values.ts";

describe("boolean", () => {
  for (const text of ["1", "t", "T", "TRUE", "true", "True"])
    it(`reads ${text} as true`, () => assert.equal(boolean.parse(text), true));
  for (const text of ["0", "f", "F", "FALSE", "false", "False"])
    it(`reads ${text} as false`, () => assert.equal(boolean.parse(text), false));
  for (const text of ["", "yes", "on", "tRue", " true"]) {
    it(`does not take ${JSON.stringify(text)}`, () => assert.equal(boolean.parse(text), undefined));
  }
});

describe("integers", () => {
  const CASES = [
    [int32, "+7", 7],
    [int32, "-2147483648", -2147483648],
    [int32, "2147483648", undefined],
    [int32, "007", 7],
    [int32, "0x10", undefined],
    [int32, "1_000", undefined],
    [int32, " 1", undefined],
    [uint32, "4294967295", 4294967295],
    [uint32, "4294967296", undefined],
    [uint32, "+1", undefined],
    [uint32, "-1", undefined],
    [uint64, "9007199254740991", 9007199254740991],
    [uint64, "9007199254740992", undefined],
    [uint64, "", undefined],
    [wideUint64, "18446744073709551615", 18446744073709551615n],
    [wideUint64, "18446744073709551616", undefined],
    [wideUint64, "9007199254740991", 9007199254740991],
  ] as const;
  for (const [type, text, expected] of CASES) {
    it(`${type.name} reads ${JSON.stringify(text)} as ${expected}`, () =>
      assert.equal(type.parse(text), expected));
  }
});

describe("lists", () => {
  it("are split at commas and not trimmed", () => {
    assert.deepEqual(uint32List.parse("0,1,2"), [0, 1, 2]);
    assert.equal(uint32List.parse("0, 1"), undefined);
    assert.equal(uint32List.parse("0,,1"), undefined);
    assert.deepEqual(stringList.parse("a, b,,c"), ["a", " b", "", "c"]);
    assert.deepEqual(stringList.parse(""), []);
  });
});

describe("guid", () => {
  it("is lower case, without braces", () => {
    assert.equal(guid.parse("A0A0A0A0-0000-4000-8000-00000000000F"), "a0a0a0a0-0000-4000-8000-00000000000f");
    assert.equal(guid.parse("{a0a0a0a0-0000-4000-8000-00000000000f}"), undefined);
    assert.equal(guid.parse(""), undefined);
  });
});
