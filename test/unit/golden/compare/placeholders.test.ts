import assert from "node:assert/strict";
import { hasPlaceholder, Placeholders } from "../../../golden/runner/compare/placeholders.ts";

const ONE = "11111111-1111-4111-8111-111111111111";
const TWO = "22222222-2222-4222-8222-222222222222";

describe("Placeholders", () => {
  let placeholders: Placeholders;

  beforeEach(() => {
    placeholders = new Placeholders({
      OWNER: "shim",
      SHIMDIR: "C:\\Program Files (x86)\\shim",
      temporaryDirectories: ["C:\\Temp\\a", "C:\\Temp\\b"],
    });
  });

  it("give the same number the same value", () => {
    assert.ok(placeholders.match("x/${GUID:1}", `x/${ONE}`));
    assert.ok(placeholders.match("${GUID:1}", ONE));
    assert.ok(!placeholders.match("${GUID:1}", TWO));
  });

  it("give another number another value", () => {
    assert.ok(placeholders.match("${GUID:1}", ONE));
    assert.ok(!placeholders.match("${GUID:2}", ONE));
    assert.ok(placeholders.match("${GUID:2}", TWO));
  });

  it("keep kinds apart", () => {
    assert.ok(placeholders.match("${PID:1}", "1004"));
    assert.ok(placeholders.match("${GUID:1}", ONE));
    assert.ok(placeholders.match("${PID:2}", "1008"));
  });

  it("match GUIDs in lower case without braces alone", () => {
    assert.ok(!placeholders.match("${GUID:1}", `{${ONE}}`));
    assert.ok(!placeholders.match("${GUID:1}", "ABCDEF00-1111-4111-8111-111111111111"));
  });

  it("do not take the ids of no process and of a sandbox without one for made up", () => {
    for (const pid of ["0", "1", "-4", "04"]) assert.ok(!placeholders.match("${PID:1}", pid), pid);
  });

  it("stand for the shim's names, whatever characters they have", () => {
    assert.ok(placeholders.match("${SHIMDIR}\\tool.exe", "C:\\Program Files (x86)\\shim\\tool.exe"));
    assert.ok(!placeholders.match("${OWNER}", "shimmy"));
  });

  it("stand for any temporary directory that was handed out", () => {
    assert.ok(placeholders.match("${TEMPDIR}\\", "C:\\Temp\\b\\"));
    assert.ok(!placeholders.match("${TEMPDIR}\\", "C:\\Temp\\c\\"));
  });

  it("bind nothing when the text around them differs", () => {
    assert.ok(!placeholders.match("a ${GUID:1}", `b ${ONE}`));
    assert.ok(placeholders.match("a ${GUID:1}", `a ${TWO}`));
  });

  it("can be tried and taken back", () => {
    const saved = placeholders.save();
    assert.ok(placeholders.match("${GUID:1}", ONE));
    placeholders.restore(saved);
    assert.ok(placeholders.match("${GUID:1}", TWO));
  });

  it("show what is known of them", () => {
    placeholders.match("${PID:1}", "1004");
    assert.equal(placeholders.fill("${OWNER} ${PID:1} ${PID:2}"), "shim 1004 ${PID:2}");
  });

  it("are told from other texts", () => {
    assert.ok(hasPlaceholder("a ${PID:3}"));
    assert.ok(!hasPlaceholder("${lower} $PID {GUID:1}"));
    assert.ok(placeholders.match("${OTHER}", "${OTHER}"));
  });
});
