import assert from "node:assert/strict";
import { readWirePath, stagedPath, type WirePath } from "../../../../../shim/agent/paths/wire-path.ts";
import { PathRefusal, type PathRefusalCode } from "../../../../../shim/agent/paths/refusal.ts";

function assertRefused(action: () => unknown, code: PathRefusalCode): void {
  assert.throws(action, (error: unknown) => {
    assert(error instanceof PathRefusal, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
}

const deep = (components: number): string => Array.from({ length: components }, () => "d").join("/");

const VERDICTS: readonly (readonly [string, PathRefusalCode | "ok"])[] = [
  ["a/b.obj", "ok"],
  ["build/main.d", "ok"],
  ["A/B.h", "ok"],
  ["", "EMPTY"],
  ["/etc/passwd", "ABSOLUTE"],
  ["../x", "DOT_SEGMENT"],
  ["a/../b", "DOT_SEGMENT"],
  ["a/./b", "DOT_SEGMENT"],
  ["a//b", "EMPTY_SEGMENT"],
  ["a/", "EMPTY_SEGMENT"],
  ["a\\b", "BACKSLASH"],
  ["C:/x", "ALT_STREAM"],
  ["C:x", "ALT_STREAM"],
  ["x:stream", "ALT_STREAM"],
  ["NUL", "RESERVED_NAME"],
  ["a/con.c", "RESERVED_NAME"],
  ["foo.", "TRAILING_DOT_SPACE"],
  ["a /b", "TRAILING_DOT_SPACE"],
  ["a/b\0", "NUL"],
  [deep(72), "TOO_DEEP"],
  // What the limits are exactly, and what else a hostile end may send.
  [deep(64), "ok"],
  [deep(65), "TOO_DEEP"],
  [Array.from({ length: 17 }, () => "ä".repeat(120)).join("/"), "ok"],
  [Array.from({ length: 17 }, () => "ä".repeat(121)).join("/"), "TOO_LONG"],
  ["a".repeat(256), "SEGMENT_TOO_LONG"],
  ["a\ufffdb", "BAD_UNICODE"],
  ["a\udc00b", "BAD_UNICODE"],
  ["\\\\fs\\share\\x", "BACKSLASH"],
  ["//fs/share/x", "ABSOLUTE"],
  ["a/b\nc", "INVALID_CHAR"],
  ["..", "DOT_SEGMENT"],
];

describe("readWirePath", () => {
  for (const [path, verdict] of VERDICTS)
    it(`${JSON.stringify(path.slice(0, 40))} (${path.length} units): ${verdict}`, () => {
      if (verdict !== "ok") return assertRefused(() => readWirePath(path), verdict);
      assert.equal(readWirePath(path).path, path);
    });
  it("refuses what is no text", () => assertRefused(() => readWirePath(undefined), "EMPTY"));
  it("has one key for paths that differ by the case of ASCII letters", () => {
    assert.equal(readWirePath("INC/Foo.H").digestKey, readWirePath("inc/fOO.h").digestKey);
    assert.notEqual(readWirePath("Ä").digestKey, readWirePath("ä").digestKey);
  });
});

describe("stagedPath", () => {
  const file = readWirePath("a/b.obj");
  const roots: readonly (readonly ["posix" | "win32", string, string])[] = [
    ["posix", "/run/hpcc/src/1", "/run/hpcc/src/1/a/b.obj"],
    ["posix", "/run/hpcc/src/1/", "/run/hpcc/src/1/a/b.obj"],
    ["posix", "/", "/a/b.obj"],
    ["win32", "C:\\hpcc\\src\\1", "C:\\hpcc\\src\\1\\a\\b.obj"],
    ["win32", "C:/hpcc/src/1/", "C:\\hpcc\\src\\1\\a\\b.obj"],
    ["win32", "D:\\", "D:\\a\\b.obj"],
  ];
  for (const [platform, root, staged] of roots)
    it(`puts files below ${root}`, () => assert.equal(stagedPath(root, file, platform), staged));

  it("refuses a root that is not absolute", () => {
    assertRefused(() => stagedPath("src", file, "posix"), "RELATIVE_NO_CWD");
    assertRefused(() => stagedPath("C:src", file, "win32"), "RELATIVE_NO_CWD");
  });

  const unread = (...components: string[]): WirePath => ({
    path: components.join("/"),
    components,
    digestKey: components.join("/"),
  });
  for (const components of [["..", "x"], ["a", "..", "..", "12", "x"], ["."], []])
    it(`refuses what was not read before and is not below the root: ${JSON.stringify(components)}`, () => {
      assertRefused(() => stagedPath("/run/src/1", unread(...components), "posix"), "ESCAPES_ROOT");
      assertRefused(() => stagedPath("C:\\src\\1", unread(...components), "win32"), "ESCAPES_ROOT");
    });
});
