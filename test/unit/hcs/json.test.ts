import assert from "node:assert/strict";
import { parseJson, stringifyJson } from "../../../hcs/json.ts";

describe("parseJson", () => {
  const cases: readonly (readonly [text: string, value: unknown])[] = [
    ["9007199254740991", 9007199254740991],
    ["9007199254740992", 9007199254740992n],
    ["-9007199254740992", -9007199254740992n],
    ["18446744073709551615", 18446744073709551615n],
    ['{"limit":9223372036854771712,"usage":507904}', { limit: 9223372036854771712n, usage: 507904 }],
    [
      "[1.5, 12345678901234567.5, 1e300, -0.1234567890123456789]",
      [1.5, 12345678901234568, 1e300, -0.12345678901234568],
    ],
    ['{"id":"1234567890123456789"}', { id: "1234567890123456789" }],
    ["null", null],
  ];

  for (const [text, value] of cases) {
    it(`reads ${text}`, () => assert.deepEqual(parseJson(text), value));
  }

  it("lets the last of equal keys win, with and without long integers", () => {
    assert.deepEqual(parseJson('{"a":1,"a":2}'), { a: 2 });
    assert.deepEqual(parseJson('{"a":1,"b":9223372036854771712,"a":2}'), { a: 2, b: 9223372036854771712n });
  });

  it("makes __proto__ a member like any other", () => {
    const value = parseJson('{"__proto__":{"polluted":9223372036854771712}}') as object;
    assert.deepEqual(Object.keys(value), ["__proto__"]);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
  });

  for (const text of ["", "{", '{"a":}', "[1234567890123456789,]", "1234567890123456789 x", "undefined"]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseJson(text), SyntaxError));
  }

  it("refuses nesting that is too deep to read", () => {
    assert.throws(() => parseJson(`${"[".repeat(1_000_000)}1234567890123456`), {
      name: "SyntaxError",
      message: "JSON nesting is too deep",
    });
  });
});

describe("stringifyJson", () => {
  it("writes bigints as numbers", () => {
    assert.equal(
      stringifyJson({ limit: 2n ** 63n, list: [1n, "1"] }),
      '{"limit":9223372036854775808,"list":[1,"1"]}',
    );
  });

  it("leaves undefined members out", () => {
    assert.equal(stringifyJson({ a: undefined, b: 1 }), '{"b":1}');
    assert.equal(stringifyJson({ a: undefined, b: 1n }), '{"b":1}');
  });

  it("refuses a cycle", () => {
    const cycle: Record<string, unknown> = { limit: 1n };
    cycle["self"] = cycle;
    assert.throws(() => stringifyJson(cycle), TypeError);
  });

  it("refuses what JSON cannot express", () => {
    assert.throws(() => stringifyJson(undefined), {
      name: "TypeError",
      message: "cannot write JSON: value is undefined",
    });
  });
});
