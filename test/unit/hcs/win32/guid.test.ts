import assert from "node:assert/strict";
import { guidToBytes, isGuidText } from "../../../../hcs/win32/guid.ts";

const TEXT = "01234567-89ab-cdef-0123-456789abcdef";

describe("guidToBytes", () => {
  it("turns the first three words round", () => {
    assert.equal(guidToBytes(TEXT).toString("hex"), "67452301ab89efcd0123456789abcdef");
  });

  it("takes any case, and braces", () => {
    assert.deepEqual(guidToBytes(`{${TEXT.toUpperCase()}}`), guidToBytes(TEXT));
  });

  it("refuses what is no GUID, naming it", () => {
    for (const text of ["", "web", TEXT.slice(1), `{${TEXT}`, `${TEXT}0`])
      assert.throws(() => guidToBytes(text), {
        name: "TypeError",
        message: new RegExp(`cannot read "${text.replace("{", "\\{")}"`),
      });
  });
});

describe("isGuidText", () => {
  it("knows GUIDs from other texts", () => {
    assert.ok(isGuidText(TEXT));
    assert.ok(isGuidText(TEXT.toUpperCase()));
    assert.ok(!isGuidText("../.."));
  });
});
