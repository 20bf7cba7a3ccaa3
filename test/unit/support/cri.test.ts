import assert from "node:assert/strict";
import { parseLog } from "../../support/cri.ts";

describe("parseLog", () => {
  it("gives stream and text of each line", () => {
    const text = "2026-01-02T03:04:05.6Z stdout F one\n2026-01-02T03:04:05.7Z stderr F two words\n";
    assert.deepEqual(parseLog(text), [
      { stream: "stdout", text: "one" },
      { stream: "stderr", text: "two words" },
    ]);
  });

  it("joins the parts of a long line, per stream", () => {
    const text = "t stdout P ab\nt stderr F x\nt stdout P cd\nt stdout F ef\n";
    assert.deepEqual(parseLog(text), [
      { stream: "stderr", text: "x" },
      { stream: "stdout", text: "abcdef" },
    ]);
  });

  it("keeps blanks and empty lines", () => {
    assert.deepEqual(parseLog("t stdout F  indented \nt stdout F \n"), [
      { stream: "stdout", text: " indented " },
      { stream: "stdout", text: "" },
    ]);
  });

  it("leaves out what is not complete", () => {
    assert.deepEqual(parseLog("t stdout P begun\nt stdout"), []);
  });
});
