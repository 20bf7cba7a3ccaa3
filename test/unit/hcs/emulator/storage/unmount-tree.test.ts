import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mountsAtOrBelow } from "../../../../../hcs/emulator/storage/mount-table.ts";
import {
  unmountByProgram,
  unmountTree,
  type Unmount,
} from "../../../../../hcs/emulator/storage/unmount-tree.ts";
import { mount, MS, unmount } from "../../../../../hcs/posix/libc.ts";

const direct: Unmount = (path, detach) => unmount(path, { detach });

describe("unmountTree", function () {
  let root: string;

  before(function () {
    if (process.getuid?.() === 0) return;
    console.log("      skipped: mounting needs root");
    this.skip();
  });
  beforeEach(() => {
    root = realpathSync(mkdtempSync("/tmp/rhc-unmount-"));
    for (const name of ["a/b/c", "source/b"]) mkdirSync(join(root, name), { recursive: true });
    writeFileSync(join(root, "source/file"), "");
  });
  afterEach(() => {
    assert.deepEqual(mountsAtOrBelow(root), []);
    rmSync(root, { recursive: true });
  });

  const bind = (target: string): void =>
    mount({ source: join(root, "source"), target: join(root, target), flags: MS.bind });

  for (const [name, unmountOne] of [
    ["umount2(2)", direct],
    ["umount(8)", unmountByProgram],
  ] as const) {
    describe(`by ${name}`, () => {
      it("takes off what is nested, stacked and covered", async () => {
        bind("a/b/c");
        bind("a");
        bind("a/b");
        bind("a");
        await unmountTree(join(root, "a"), unmountOne);
        assert.deepEqual(readdirSync(join(root, "a")), ["b"]);
      });

      it("does nothing where nothing is mounted", async () => {
        await unmountTree(join(root, "a"), unmountOne);
        await unmountTree(join(root, "missing"), unmountOne);
      });

      it("detaches what is in use", async () => {
        bind("a");
        const before = process.cwd();
        process.chdir(join(root, "a"));
        try {
          await unmountTree(join(root, "a"), unmountOne);
        } finally {
          process.chdir(before);
        }
      });

      it("leaves what begins alike alone", async () => {
        mkdirSync(join(root, "ab"));
        bind("ab");
        bind("a");
        await unmountTree(join(root, "a"), unmountOne);
        assert.equal(mountsAtOrBelow(join(root, "ab")).length, 1);
        unmount(join(root, "ab"));
      });
    });
  }

  it("tries to detach before it gives up, and then names what is left", async () => {
    bind("a");
    const asked: boolean[] = [];
    const refuse: Unmount = (_, detach) => {
      asked.push(detach);
      throw new Error("not a chance");
    };
    await assert.rejects(unmountTree(join(root, "a"), refuse), (error: Error) => {
      assert.match(error.message, /still mounted: .*\/a$/);
      assert.match(String(error.cause), /not a chance/);
      return true;
    });
    assert.deepEqual(asked, [false, true]);
    unmount(join(root, "a"));
  });
});
