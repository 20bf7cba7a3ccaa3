import assert from "node:assert/strict";
import { Placeholders } from "../../../golden/runner/compare/placeholders.ts";
import { compareValues } from "../../../golden/runner/compare/values.ts";

const ONE = "11111111-1111-4111-8111-111111111111";
const TWO = "22222222-2222-4222-8222-222222222222";

function paths(expected: unknown, actual: unknown): string[] {
  const placeholders = new Placeholders({ OWNER: "shim", SHIMDIR: "C:\\shim", temporaryDirectories: [] });
  return compareValues("", expected, actual, placeholders).map(({ path }) => path);
}

describe("compareValues", () => {
  it("does not see the order of members", () => {
    assert.deepEqual(paths({ a: 1, b: [2] }, { b: [2], a: 1 }), []);
  });

  it("sees the order of lists", () => {
    assert.deepEqual(paths({ a: [1, 2] }, { a: [2, 1] }), ["/a/0", "/a/1"]);
    assert.deepEqual(paths([1], [1, 2]), ["/1"]);
  });

  it("tells what is absent from what is empty", () => {
    for (const empty of ["", 0, false, null, [], {}]) {
      assert.deepEqual(paths({}, { a: empty }), ["/a"], JSON.stringify(empty));
      assert.deepEqual(paths({ a: empty }, {}), ["/a"], JSON.stringify(empty));
    }
  });

  it("tells types apart", () => {
    assert.deepEqual(paths({ a: "1", b: 1, c: [] }, { a: 1, b: "1", c: {} }), ["/a", "/b", "/c"]);
  });

  it("compares numbers of 64 bits exactly", () => {
    assert.deepEqual(paths(9_223_372_036_854_775_807n, 9_223_372_036_854_775_806n), [""]);
  });

  it("takes paths below C:\\Windows in any case of letters, and no others", () => {
    assert.deepEqual(paths("C:\\WINDOWS\\System32\\x;C:\\Other", "c:\\windows\\system32\\X;C:\\Other"), []);
    assert.deepEqual(paths("C:\\Windows;C:\\Other", "C:\\Windows;C:\\other"), [""]);
    assert.deepEqual(paths("C:\\WindowsApps", "C:\\windowsApps"), [""]);
  });

  it("reads base64 of JSON by its content", () => {
    const encoded = Buffer.from('{"b":1,"a":2}').toString("base64");
    assert.deepEqual(paths({ $base64Json: { a: 2, b: 1 } }, encoded), []);
    assert.deepEqual(paths({ $base64Json: { a: 3, b: 1 } }, encoded), ["/$base64Json/a"]);
    assert.deepEqual(paths({ $base64Json: {} }, "no JSON"), [""]);
    assert.deepEqual(paths({ $base64Json: {} }, undefined), [""]);
  });

  it("takes a number for a process id where that stands alone", () => {
    assert.deepEqual(paths({ pid: "${PID:1}" }, { pid: 1004 }), []);
    assert.deepEqual(paths({ pid: "${GUID:1}" }, { pid: 1004 }), ["/pid"]);
    assert.deepEqual(paths({ pid: "${PID:1}" }, { pid: 1 }), ["/pid"]);
  });

  it("wants a value where any will do", () => {
    assert.deepEqual(paths({ a: "${ANY}" }, { a: { b: [] } }), []);
    assert.deepEqual(paths({ a: "${ANY}" }, {}), ["/a"]);
  });

  it("finds members whose names were made up by their values", () => {
    const expected = { "${GUID:1}": { n: 1 }, "${GUID:2}": { n: 2 }, used: "${GUID:2}" };
    assert.deepEqual(paths(expected, { [TWO]: { n: 1 }, [ONE]: { n: 2 }, used: ONE }), []);
    assert.deepEqual(paths(expected, { [TWO]: { n: 1 }, [ONE]: { n: 2 }, used: TWO }), ["/used"]);
  });
});
