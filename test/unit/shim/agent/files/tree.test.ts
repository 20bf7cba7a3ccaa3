import assert from "node:assert/strict";
import { mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openTree } from "../../../../../shim/agent/files/tree.ts";
import { makeScratchDirectory } from "../../../../support/temp-directory.ts";

/** Both ways to walk; that of Windows works by paths and so anywhere. */
for (const platform of ["linux", "win32"] as const)
  describe(`openTree on ${platform}`, () => {
    async function makeTree(): Promise<{ root: string; outside: string }> {
      const directory = await makeScratchDirectory("tree-");
      const [root, outside] = ["root", "outside"].map((name) => join(directory, name)) as [string, string];
      for (const path of [root, join(root, "a"), outside]) mkdirSync(path);
      return { root, outside };
    }

    it("makes directories below the root, and names what is in them", async () => {
      const { root } = await makeTree();
      const tree = openTree(root, platform);
      writeFileSync(tree.directory(["a", "b"], { create: true }).entry("f"), "x");
      assert.deepEqual(readdirSync(join(root, "a/b")), ["f"]);
      assert.deepEqual(
        tree
          .directory(["a"])
          .list()
          .map(({ name }) => name),
        ["b"],
      );
      tree.close();
    });

    it("refuses a link in any component, wherever it leads", async () => {
      const { root, outside } = await makeTree();
      symlinkSync(outside, join(root, "out"));
      symlinkSync("a", join(root, "in"));
      symlinkSync(outside, join(root, "a/deep"));
      const tree = openTree(root, platform);
      for (const components of [["out"], ["in"], ["a", "deep"], ["out", "sub"], ["a", "deep", "sub"]])
        assert.throws(
          () => tree.directory(components, { create: true }),
          /cannot open directory ".*": a part of it is a link or no directory/,
          components.join("/"),
        );
      assert.deepEqual(readdirSync(outside), []);
      tree.close();
    });

    it("refuses a file in the place of a directory, and what does not exist", async () => {
      const { root } = await makeTree();
      writeFileSync(join(root, "file"), "");
      const tree = openTree(root, platform);
      assert.throws(() => tree.directory(["file"], { create: true }), /"file": a part of it is a link or no/);
      assert.throws(() => tree.directory(["none"]), /"none": ENOENT/);
      tree.close();
    });
  });

describe("openTree on linux", () => {
  it("stays with a directory that was found, whatever takes its place afterwards", async () => {
    const directory = await makeScratchDirectory("tree-");
    const [root, outside] = ["root", "outside"].map((name) => join(directory, name)) as [string, string];
    for (const path of [root, join(root, "sub"), outside]) mkdirSync(path);
    const tree = openTree(root, "linux");
    const found = tree.directory(["sub"]);
    renameSync(join(root, "sub"), join(root, "moved"));
    symlinkSync(outside, join(root, "sub"));
    writeFileSync(found.entry("f"), "x");
    writeFileSync(tree.directory(["sub"]).entry("g"), "x");
    assert.deepEqual([readdirSync(outside), readdirSync(join(root, "moved"))], [[], ["f", "g"]]);
    tree.close();
  });
});
