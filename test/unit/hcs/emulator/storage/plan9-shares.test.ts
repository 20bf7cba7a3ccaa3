import assert from "node:assert/strict";
import { parseMountInfo } from "../../../../../hcs/emulator/storage/mount-table.ts";
import { isCovered } from "../../../../../hcs/emulator/storage/plan9-shares.ts";

describe("isCovered", () => {
  const mounts = parseMountInfo(`1 0 8:1 / / rw - ext4 /dev/sda rw
2 1 0:5 / /dev rw - devtmpfs dev rw
3 2 0:6 / /dev/pts rw - devpts devpts rw
4 3 0:7 / /dev/pts rw - devpts devpts rw
5 1 8:1 /a /share rw - ext4 /dev/sda rw
6 5 8:1 /b /share/b rw - ext4 /dev/sda rw
7 6 8:1 /c /share/b/c rw - ext4 /dev/sda rw
8 6 8:1 /d /share/b rw - ext4 /dev/sda rw
9 1 8:1 /e /shared rw - ext4 /dev/sda rw
`);
  const cases: readonly (readonly [number, boolean, string])[] = [
    [1, false, "the root"],
    [2, false, "a mount with others below"],
    [3, true, "a mount with another on the same directory"],
    [4, false, "the topmost of two"],
    [5, false, "a share"],
    [6, true, "a mount of which the root was mounted over"],
    [7, true, "a mount below such a one, on the other side"],
    [8, false, "the one on top"],
    [9, false, "a mount whose name begins like another's"],
  ];
  for (const [id, expected, what] of cases) {
    it(`${expected ? "is so" : "is not so"} for ${what}`, () => {
      const entry = mounts.find((one) => one.id === id)!;
      assert.equal(isCovered(entry, mounts), expected);
    });
  }
});
