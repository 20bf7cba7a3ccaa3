import assert from "node:assert/strict";
import { PATH_REFUSALS, PathRefusal, type PathRefusalCode } from "../../../../../shim/agent/paths/refusal.ts";

describe("PathRefusal", () => {
  for (const code of Object.keys(PATH_REFUSALS) as PathRefusalCode[])
    it(`${code}: says what is wrong, what to do and what was found, as one clause`, () => {
      const { message } = new PathRefusal({ code, subject: "wire path", path: "a/b" });
      assert.match(message, /^cannot use wire path: it [^;]+; [^;]+ \(found "a\/b"\)$/);
      assert.doesNotMatch(message, /[a-z")]\.(?: |$)/);
    });
  it("cuts long paths", () =>
    assert.ok(
      new PathRefusal({ code: "TOO_LONG", subject: "host path", path: "a".repeat(99_999) }).message.length <
        400,
    ));
  it("shows what breaks lines or quotes by its number", () =>
    assert.match(
      new PathRefusal({ code: "NUL", subject: "host path", path: 'a\0b\n"\ud800' }).message,
      /\(found "a<U\+0000>b<U\+000A><U\+0022><U\+D800>"\)$/,
    ));
  it("tells the type of what is no text", () =>
    assert.match(
      new PathRefusal({ code: "EMPTY", subject: "host path", path: {} }).message,
      /\(found object\)$/,
    ));
});
