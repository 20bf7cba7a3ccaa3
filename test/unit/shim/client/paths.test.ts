import assert from "node:assert/strict";
import { posix, win32 } from "node:path";
import fc from "fast-check";
import { splitArguments } from "../../../../shim/client/paths/arguments.ts";
import { mappedDirectory } from "../../../../shim/client/paths/working-directory.ts";
import { normaliseCommand, rebase, type NormaliseOptions } from "../../../../shim/client/paths/guest-path.ts";

describe("rebase", () => {
  const cases: [path: string, result: string][] = [
    ["/data", "/chef/rootfs/data"],
    ["data/x", "/chef/rootfs/data/x"],
    ["/chef/rootfs", "/chef/rootfs"],
    ["/chef/rootfs/a", "/chef/rootfs/a"],
    ["/chef/rootfs2/a", "/chef/rootfs/chef/rootfs2/a"],
    ["C:\\src\\a", "/chef/rootfs/src/a"],
    ["\\\\?\\C:\\a", "/chef/rootfs/a"],
    ["", "/chef/rootfs"],
    ["/", "/chef/rootfs"],
    ["/a//b/./c/", "/chef/rootfs/a/b/c"],
  ];
  for (const [path, result] of cases)
    it(`puts "${path}" at ${result}`, () => assert.equal(rebase(path), result));

  for (const path of ["/a/../../b", "a\\..\\b"]) {
    it(`refuses "${path}"`, () => assert.throws(() => rebase(path), /must not contain/));
  }

  it("does the same twice, and never leaves the root", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", ".", "b c", "chef", "rootfs", "x\\y", "")), (parts) => {
        const once = rebase(parts.join("/"));
        assert.equal(rebase(once), once);
        assert.ok(once === "/chef/rootfs" || once.startsWith("/chef/rootfs/"), once);
      }),
    );
  });
});

describe("normaliseCommand", () => {
  const cases: [os: "linux" | "windows", path: string, result: string, options?: NormaliseOptions][] = [
    ["windows", "C:\\x", "C:\\x"],
    ["windows", "\\x", "C:\\x"],
    ["windows", "/a/b", "C:\\a\\b"],
    ["windows", "cmd", "cmd"],
    ["windows", "cmd.exe", "cmd.exe"],
    ["windows", "rel\\x", "C:\\rel\\x"],
    ["windows", "rel\\x", "D:\\work\\rel\\x", { cwd: "D:\\work" }],
    ["windows", "\\\\?\\C:\\x", "\\\\?\\C:\\x"],
    ["windows", "\\\\server\\s", "\\\\server\\s"],
    ["linux", "/a", "/a"],
    ["linux", "name", "name"],
    ["linux", "C:\\a\\b", "C:\\a\\b"],
    ["linux", "C:\\a\\b", "/a/b", { windowsPaths: true }],
    ["linux", "\\\\?\\C:\\a\\b", "/a/b", { windowsPaths: true }],
  ];
  for (const [os, path, result, options] of cases) {
    it(`${os}: ${path} is ${result} ${options === undefined ? "" : JSON.stringify(options)}`, () => {
      assert.equal(normaliseCommand(os, path, options), result);
      assert.equal(normaliseCommand(os, result, options), result, "twice is the same");
    });
  }

  it("refuses no program", () => assert.throws(() => normaliseCommand("linux", ""), /must not be empty/));
});

describe("mappedDirectory", () => {
  const mappings = [
    { host: "/src", container: "/build" },
    { host: "/src/deep", container: "/d/" },
    { host: "/win", container: "C:\\w" },
  ];
  const cases: [directory: string, result: string | undefined][] = [
    ["/src", "/build"],
    ["/src/a/b", "/build/a/b"],
    ["/src/deep/a", "/d/a"],
    ["/src2/a", undefined],
    ["/win/a b", "C:\\w\\a b"],
    ["/", undefined],
  ];
  for (const [directory, result] of cases)
    it(`of ${directory} is ${result}`, () =>
      assert.equal(mappedDirectory(directory, mappings, posix), result));

  it("does not mind letter case on Windows", () => {
    const mapping = { host: "C:\\Users\\me", container: "/home" };
    assert.equal(mappedDirectory("c:\\users\\ME\\x", [mapping], win32), "/home/x");
    assert.equal(mappedDirectory("c:\\users\\mellow", [mapping], win32), undefined);
  });
});

describe("splitArguments", () => {
  const cases: [text: string, args: string[]][] = [
    ["", []],
    ["a b", ["a", "b"]],
    ["  a   b  ", ["a", "b"]],
    ['run "two words"', ["run", "two words"]],
    ['a"b c"', ["ab c"]],
    ['"a"b', ["ab"]],
    ['x ""', ["x", ""]],
    ["tab\tstays", ["tab\tstays"]],
  ];
  for (const [text, args] of cases)
    it(`splits ${JSON.stringify(text)}`, () => assert.deepEqual(splitArguments(text), args));
  it("refuses a quote that is not closed", () => assert.throws(() => splitArguments('a "b'), /not closed/));
});
