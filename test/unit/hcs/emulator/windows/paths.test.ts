import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  parseDrivePath,
  parseSharePath,
  parseVolumePath,
  resolveBelow,
  sharePath,
  volumePath,
} from "../../../../../hcs/emulator/windows/paths.ts";

const ID = "0d8b1f2e-8f8e-4d3c-9c5c-1c2d3e4f5a6b";

describe("Windows paths", () => {
  const drives: readonly (readonly [string, string | undefined, readonly string[]])[] = [
    ["C:\\", "c", []],
    ["c:/Windows/System32", "c", ["Windows", "System32"]],
    ["D:\\a\\..\\..\\..\\b", "d", ["b"]],
    ["\\\\?\\C:\\x", "c", ["x"]],
    ["C:x", undefined, []],
    ["/var/lib", undefined, []],
    ["\\\\server\\share", undefined, []],
  ];
  for (const [path, drive, components] of drives) {
    it(`${path} is ${drive === undefined ? "no path of a drive" : `on drive ${drive}`}`, () => {
      assert.deepEqual(parseDrivePath(path), drive === undefined ? undefined : { drive, components });
    });
  }

  it("of volumes and shares are read as they are written", () => {
    assert.deepEqual(parseVolumePath(`${volumePath(ID)}a\\b`), { id: ID, components: ["a", "b"] });
    assert.deepEqual(parseVolumePath(volumePath(ID.toUpperCase()).slice(0, -1)), { id: ID, components: [] });
    assert.equal(parseVolumePath("\\\\?\\Volume{1}\\"), undefined);
    assert.deepEqual(parseSharePath(sharePath("s1", "a.txt")), { name: "s1", components: ["a.txt"] });
    assert.equal(parseSharePath("C:\\s1"), undefined);
  });

  it("find what is there in whatever case, and keep the case of what is not", () => {
    const root = mkdtempSync(join(tmpdir(), "paths-"));
    try {
      mkdirSync(join(root, "windows", "System32"), { recursive: true });
      mkdirSync(join(root, "WINDOWS"));
      assert.equal(resolveBelow(root, ["windows", "system32"]), join(root, "windows/System32"));
      assert.equal(resolveBelow(root, ["WINDOWS", "New"]), join(root, "WINDOWS/New"));
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
