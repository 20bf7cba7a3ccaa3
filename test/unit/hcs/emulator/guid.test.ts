import assert from "node:assert/strict";
import { isGuid, nameGuid } from "../../../../hcs/emulator/guid.ts";

/** Name space for DNS names (RFC 4122, appendix C). */
const DNS = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

describe("nameGuid", () => {
  it("makes version 5 GUIDs as others do", () => {
    assert.equal(nameGuid(DNS, "www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    assert.equal(nameGuid(DNS, "python.org"), "886313e1-3b8a-5372-9b90-0c9aee199e5d");
  });

  it("differs by name and by name space", () => {
    const ids = [nameGuid(DNS, "a"), nameGuid(DNS, "b"), nameGuid(nameGuid(DNS, "a"), "a")];
    assert.equal(new Set(ids).size, 3);
    assert.ok(ids.every(isGuid));
  });
});

describe("isGuid", () => {
  const cases: readonly (readonly [string, boolean])[] = [
    [DNS, true],
    [DNS.toUpperCase(), false],
    [`{${DNS}}`, false],
    [DNS.slice(1), false],
    [`${DNS}\n`, false],
    ["../..", false],
    ["", false],
  ];
  for (const [text, expected] of cases) {
    it(`${expected ? "takes" : "refuses"} ${JSON.stringify(text)}`, () =>
      assert.equal(isGuid(text), expected));
  }
});
