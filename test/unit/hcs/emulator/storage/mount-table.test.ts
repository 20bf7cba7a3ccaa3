import assert from "node:assert/strict";
import {
  mountsAtOrBelow,
  parseMountInfo,
  readMounts,
} from "../../../../../hcs/emulator/storage/mount-table.ts";

const TEXT = `22 27 0:21 / /proc rw,relatime - proc proc rw
42 27 254:0 /etc /tmp/with\\040blank\\134 ro,nosuid shared:1 master:2 - ext4 /dev/vda rw,discard
43 42 0:4 net:[4026532237] /tmp/with\\040blank\\134/nic rw shared:3 - nsfs nsfs rw
31 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
`;

describe("parseMountInfo", () => {
  const mounts = parseMountInfo(TEXT);

  it("reads every field, optional ones aside", () => {
    assert.equal(mounts.length, 4);
    assert.deepEqual(mounts[1], {
      id: 42,
      parent: 27,
      device: "254:0",
      root: "/etc",
      mountPoint: "/tmp/with blank\\",
      options: ["ro", "nosuid"],
      type: "ext4",
      source: "/dev/vda",
      superOptions: ["rw", "discard"],
    });
  });

  it("keeps what a namespace file is of", () => {
    assert.equal(mounts[2]?.root, "net:[4026532237]");
    assert.deepEqual(mounts[3]?.superOptions, ["rw", "memory"]);
  });

  it("leaves out lines of another form", () => {
    assert.deepEqual(parseMountInfo("\nnonsense\n1 2 3 4 5 6\n"), []);
  });
});

describe("mountsAtOrBelow", () => {
  const points = (path: string): string[] =>
    mountsAtOrBelow(path, parseMountInfo(TEXT)).map(({ mountPoint }) => mountPoint);

  it("takes the path itself and what is below, not what begins alike", () => {
    assert.deepEqual(points("/tmp/with blank\\"), ["/tmp/with blank\\", "/tmp/with blank\\/nic"]);
    assert.deepEqual(points("/tmp/with"), []);
    assert.deepEqual(points("/sys"), ["/sys/fs/cgroup/memory"]);
    assert.equal(points("/").length, 4);
  });
});

describe("readMounts", () => {
  it("reads the mounts of this process", () => {
    assert.ok(readMounts().some(({ mountPoint, type }) => mountPoint === "/proc" && type === "proc"));
  });
});
