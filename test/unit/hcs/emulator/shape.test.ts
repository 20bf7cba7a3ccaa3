import assert from "node:assert/strict";
import {
  any,
  boolean,
  checkShape,
  choice,
  describeViolation,
  integer,
  list,
  map,
  nonEmptyString,
  object,
  required,
  string,
  unsupported,
  type Shape,
} from "../../../../hcs/emulator/shape.ts";

describe("checkShape", () => {
  const inner = object({ Count: required(integer({ min: 1, max: 8 })), Size: integer({ multipleOf: 2 }) });
  const byGuid = map(/^\w+$/, "a word", inner);
  const cases: readonly (readonly [string, unknown, Shape, string | undefined])[] = [
    ["anything", [{}], any, undefined],
    ["a boolean", false, boolean, undefined],
    ["no boolean", 0, boolean, "form: the document must be a boolean: 0"],
    ["null", null, boolean, "form: the document must be a boolean: null"],
    ["a string", "", string, undefined],
    ["no string", 1, string, "form: the document must be a string: 1"],
    ["an empty string", "", nonEmptyString, 'range: the document must not be empty: ""'],
    ["one of a choice", "b", choice("a", "b"), undefined],
    ["none of a choice", "c", choice("a", "b"), 'form: the document must be one of a, b: "c"'],
    ["no text for a choice", 1, choice("a"), "form: the document must be a string: 1"],
    ["a number", 3, integer(), undefined],
    ["a fraction", 3.5, integer(), "form: the document must be a whole number: 3.5"],
    ["a number as text", "3", integer(), 'form: the document must be a whole number: "3"'],
    ["a negative number", -1, integer(), "range: the document must be at least 0: -1"],
    ["a number beyond", 9, integer({ min: 1, max: 8 }), "range: the document must be from 1 to 8: 9"],
    ["an odd number", 3, integer({ multipleOf: 2 }), "range: the document must be a multiple of 2: 3"],
    ["a list", [1, 2], list(integer()), undefined],
    ["no list", {}, list(integer()), "form: the document must be a list: {}"],
    ["a wrong item", [1, "2"], list(integer()), 'form: /1 must be a whole number: "2"'],
    ["an object", { Count: 1, Size: 2 }, inner, undefined],
    ["no object", [], inner, "form: the document must be an object: []"],
    ["a missing member", {}, inner, "form: /Count is required"],
    ["an undefined member", { Count: undefined }, inner, "form: /Count is required"],
    ["an unknown member", { Count: 1, count: 2 }, inner, "form: /count is not a known member: 2"],
    ["an inherited name", { Count: 1, toString: 2 }, inner, "form: /toString is not a known member: 2"],
    ["a name to escape", { "a/b~c": 1, Count: 1 }, inner, "form: /a~1b~0c is not a known member: 1"],
    ["a map", { x: { Count: 1 } }, byGuid, undefined],
    ["a wrong key", { "x y": { Count: 1 } }, byGuid, 'form: /x y key must be a word: "x y"'],
    ["a wrong value", { x: { Count: 9 } }, byGuid, "range: /x/Count must be from 1 to 8: 9"],
    [
      "what is not there",
      { Disk: {} },
      object({ Disk: unsupported("no disks") }),
      "unsupported: /Disk is not supported: no disks: {}",
    ],
  ];
  for (const [name, value, shape, expected] of cases) {
    it(`${expected === undefined ? "takes" : "refuses"} ${name}`, () => {
      const violation = checkShape(value, shape);
      assert.equal(violation && `${violation.kind}: ${describeViolation(violation)}`, expected);
    });
  }
});

describe("describeViolation", () => {
  it("cuts long values", () => {
    const violation = checkShape("x".repeat(1000), boolean)!;
    assert.ok(describeViolation(violation).length < 150);
    assert.match(describeViolation(violation), /…$/);
  });
});
