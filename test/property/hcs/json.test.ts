import assert from "node:assert/strict";
import fc from "fast-check";
import { parseJson, stringifyJson } from "../../../hcs/json.ts";

/** Integers as `parseJson` represents them: `bigint` exactly where a `number` does not do. */
const long = fc
  .bigInt({ min: -(2n ** 64n), max: 2n ** 64n })
  .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value));

const { document } = fc.letrec<{ document: unknown }>((tie) => ({
  document: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false),
    fc.string(),
    long,
    fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .map((value) => (Number.isInteger(value) ? 0.5 : value)),
    fc.array(tie("document"), { maxLength: 5 }),
    fc.dictionary(fc.string(), tie("document"), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

describe("parseJson and stringifyJson", () => {
  it("give back every document that was written", () => {
    fc.assert(fc.property(document, (value) => assert.deepEqual(parseJson(stringifyJson(value)), value)));
  });

  it("read text without long integers as JSON.parse does", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        fc.pre(!/\d{16}/.test(text));
        assert.deepEqual(parseJson(text), JSON.parse(text));
      }),
    );
  });

  it("agree with JSON.parse on what is JSON", () => {
    const almostJson = fc.tuple(
      fc.json(),
      fc.nat(),
      fc.constantFrom("", "{", "]", '"', ",", "1234567890123456789", "\\u12"),
    );
    fc.assert(
      fc.property(almostJson, ([text, at, extra]) => {
        const position = at % (text.length + 1);
        const broken = text.slice(0, position) + extra + text.slice(position);
        assert.equal(isAccepted(parseJson, broken), isAccepted(JSON.parse, broken), broken);
      }),
    );
  });
});

function isAccepted(parse: (text: string) => unknown, text: string): boolean {
  try {
    parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
