import assert from "node:assert/strict";
import { unlessEmpty, withoutZero } from "../../../../oci/documents/omit.ts";

describe("withoutZero", () => {
  it("leaves out what says nothing, and keeps empty objects", () => {
    const members = { a: 0, b: "", c: false, d: undefined, e: [], f: {}, g: [0], h: 1, i: 0n };
    assert.deepEqual(withoutZero(members), { f: {}, g: [0], h: 1 });
  });
});

describe("unlessEmpty", () => {
  it("is undefined for an object without members", () => {
    assert.deepEqual([unlessEmpty({}), unlessEmpty({ a: 0 })], [undefined, { a: 0 }]);
  });
});
