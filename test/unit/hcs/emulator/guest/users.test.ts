import assert from "node:assert/strict";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readInRoot, resolveInRoot } from "../../../../../hcs/emulator/guest/container-root.ts";
import { resolveUser, resolveUserIn } from "../../../../../hcs/emulator/guest/users.ts";
import { makeShortDirectory } from "../../../../support/temp-directory.ts";

const PASSWD =
  "root:x:0:0:root:/root:/bin/sh\n# a comment\napp:x:1000:1001:app:/home/app:/bin/sh\nbad:x:uid:0::/:\n";
const GROUP = "root:x:0:\nstaff:x:50:app\n";

describe("resolveUserIn", () => {
  for (const [name, uid, gid] of [
    ["app", 1000, 1001],
    ["1000", 1000, 1001],
    ["4711", 4711, 0],
    ["app:staff", 1000, 50],
    ["app:77", 1000, 77],
    ["0:staff", 0, 50],
  ] as const) {
    it(`resolves "${name}" to ${uid}:${gid}`, () => {
      assert.deepEqual(
        resolveUserIn(name, PASSWD, () => GROUP),
        { uid, gid },
      );
    });
  }

  for (const [name, pattern] of [
    ["nobody9", /user "nobody9" is not in the container's \/etc\/passwd/],
    ["app:nobody", /group "nobody" is not in the container's \/etc\/group/],
    ["", /invalid user ""/],
    ["app:", /invalid user "app:"/],
    ["a:b:c", /invalid user "a:b:c"/],
    ["bad", /invalid user id "uid"/],
    ["4294967296", /invalid user id "4294967296"/],
  ] as const) {
    it(`refuses "${name}"`, () => {
      assert.throws(() => resolveUserIn(name, PASSWD, () => GROUP), pattern);
    });
  }

  it("does not look for groups it is not asked for", () => {
    resolveUserIn("app", PASSWD, () => assert.fail("looked"));
  });
});

describe("resolveInRoot", () => {
  let root: string;

  before(async () => {
    root = await makeShortDirectory("root-");
    mkdirSync(join(root, "etc"));
    mkdirSync(join(root, "usr/etc"), { recursive: true });
    writeFileSync(join(root, "usr/etc/passwd"), "app:x:5:6::/:\n");
    symlinkSync("/usr/etc/passwd", join(root, "etc/passwd"));
    symlinkSync("../../../../../../etc/group", join(root, "etc/group"));
    symlinkSync("../usr/etc", join(root, "etc/relative"));
    symlinkSync("loop", join(root, "etc/loop"));
  });

  after(() => rmSync(root, { recursive: true }));

  it("follows links as if the root were /", () => {
    assert.equal(resolveInRoot(root, "/etc/passwd"), join(root, "usr/etc/passwd"));
    assert.equal(resolveInRoot(root, "etc/relative/passwd"), join(root, "usr/etc/passwd"));
    assert.equal(resolveInRoot(root, "/../../etc/./missing"), join(root, "etc/missing"));
    assert.deepEqual(resolveUser(root, "app"), { uid: 5, gid: 6 });
  });

  it("does not leave the root, and gives up on loops", () => {
    assert.throws(() => resolveInRoot(root, "/etc/loop"), /too many symbolic links/);
    // Points at itself, once it cannot leave.
    assert.throws(() => resolveInRoot(root, "/etc/group"), /too many symbolic links/);
  });

  it("reads nothing where there is no file", () => {
    assert.equal(readInRoot(root, "/etc/shadow"), undefined);
    assert.equal(readInRoot(root, "/etc/passwd/below"), undefined);
  });

  it("needs no files for a user that is a number", async () => {
    const empty = await makeShortDirectory("root-");
    try {
      assert.deepEqual(resolveUser(empty, "12"), { uid: 12, gid: 0 });
    } finally {
      rmSync(empty, { recursive: true });
    }
  });
});
