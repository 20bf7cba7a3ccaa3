import assert from "node:assert/strict";
import { boolean, int32, uint32, uint64 } from "../../../../oci/annotations/values.ts";

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
  ] as const;
  for (const [type, text, expected] of CASES) {
    it(`${type.name} reads ${JSON.stringify(text)} as ${expected}`, () =>
      assert.equal(type.parse(text), expected));
  }
});
