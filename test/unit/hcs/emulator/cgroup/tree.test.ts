import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findGroup, freeze, isFrozen, thaw, thawTree } from "../../../../../hcs/emulator/cgroup/freezer.ts";
import { FULL_LIMIT, limitCgroup, quotaUs } from "../../../../../hcs/emulator/cgroup/limits.ts";
import { cgroupUsage, memoryLimit } from "../../../../../hcs/emulator/cgroup/statistics.ts";
import {
  cgroupHierarchies,
  cgroupProcesses,
  cgroupsBelow,
  createCgroup,
  hierarchyOf,
  removeCgroup,
  type CgroupHierarchy,
} from "../../../../../hcs/emulator/cgroup/tree.ts";
import { parseMountInfo } from "../../../../../hcs/emulator/storage/mount-table.ts";

describe("cgroupHierarchies", () => {
  it("names each hierarchy once, by its usual place", () => {
    const mounts = parseMountInfo(`30 1 0:29 / /elsewhere/cpu rw - cgroup cgroup rw,cpu,cpuacct
31 1 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct
32 1 0:29 / /third rw - cgroup cgroup rw,cpu,cpuacct
33 1 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
34 1 0:31 / /sys rw - sysfs sysfs rw
`);
    assert.deepEqual(cgroupHierarchies(mounts), [
      { mountPoint: "/sys/fs/cgroup/cpu", version: 1, controllers: ["cpu", "cpuacct"] },
      { mountPoint: "/sys/fs/cgroup/systemd", version: 1, controllers: ["xattr", "name=systemd"] },
    ]);
  });
});

describe("hierarchyOf", () => {
  const v1: CgroupHierarchy = { mountPoint: "/1", version: 1, controllers: ["memory"] };
  const v2: CgroupHierarchy = { mountPoint: "/2", version: 2, controllers: ["memory", "cpu"] };

  it("prefers version 1, which keeps a controller from version 2", () => {
    assert.equal(hierarchyOf([v2, v1], "memory"), v1);
    assert.equal(hierarchyOf([v2, v1], "cpu"), v2);
    assert.equal(hierarchyOf([v2, v1], "io"), undefined);
  });
});

describe("quotaUs", () => {
  const cases: readonly (readonly [number, number, number, number])[] = [
    // count, limit, processors of the host, expected
    [1, 0, 4, 100_000],
    [4, 0, 4, 400_000],
    [4, FULL_LIMIT, 4, 400_000],
    [4, 50_000, 4, 200_000],
    [1, 50_000, 4, 100_000],
    [4, 1, 4, 1000],
  ];
  for (const [count, limit, host, expected] of cases) {
    it(`gives ${count} processors with limit ${limit} of ${host} on the host ${expected} µs`, () => {
      assert.equal(quotaUs({ count, limit }, host), expected);
    });
  }
});

/** Files of a cgroup v2 hierarchy in a plain directory: what is written can be read back, nothing is controlled. */
describe("with cgroup v2", () => {
  let mountPoint: string;
  let v2: CgroupHierarchy;

  beforeEach(() => {
    mountPoint = mkdtempSync("/tmp/rhc-cgroup2-");
    mkdirSync(join(mountPoint, "vm"));
    v2 = { mountPoint, version: 2, controllers: ["cpu", "io", "memory"] };
  });
  afterEach(() => {
    rmSync(mountPoint, { recursive: true });
  });

  const file = (name: string): string => join(mountPoint, "vm", name);

  it("limits are written to its files", () => {
    limitCgroup("/vm", { memoryMb: 512, processors: { count: 2, limit: 0, weight: 300 } }, [v2], 4);
    assert.equal(readFileSync(file("memory.max"), "utf8"), "536870912");
    assert.equal(readFileSync(file("cpu.max"), "utf8"), "200000 100000");
    assert.equal(readFileSync(file("cpu.weight"), "utf8"), "300");
    assert.equal(memoryLimit("/vm", [v2]), 536870912);
    writeFileSync(file("memory.max"), "max\n");
    assert.equal(memoryLimit("/vm", [v2]), undefined);
  });

  it("usage is read from its files", () => {
    writeFileSync(file("cpu.stat"), "usage_usec 300\nuser_usec 200\nsystem_usec 100\nnr_periods 0\n");
    writeFileSync(file("memory.current"), "4096\n");
    writeFileSync(file("memory.stat"), "anon 1024\nfile 2048\n");
    writeFileSync(
      file("io.stat"),
      "254:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n7:0 rbytes=1 wbytes=2 rios=3 wios=4\n",
    );
    assert.deepEqual(cgroupUsage("/vm", [v2]), {
      cpu: { total: 3000, user: 2000, kernel: 1000 },
      memory: { used: 4096, peak: 4096, anonymous: 1024 },
      storage: { reads: 4, readBytes: 11, writes: 6, writeBytes: 22 },
    });
  });

  it("controllers are passed on to children before these are made", () => {
    writeFileSync(join(mountPoint, "cgroup.controllers"), "cpu memory\n");
    writeFileSync(join(mountPoint, "cgroup.subtree_control"), "cpu\n");
    createCgroup("/vm/pods", [v2]);
    assert.equal(readFileSync(join(mountPoint, "cgroup.subtree_control"), "utf8"), "+memory");
    assert.ok(existsSync(file("pods")));
  });

  it("freezing is confirmed by the events file", async () => {
    writeFileSync(file("cgroup.freeze"), "0");
    writeFileSync(file("cgroup.events"), "populated 1\nfrozen 1\n");
    await freeze("/vm", [v2], undefined);
    assert.equal(isFrozen("/vm", [v2]), true);
    thaw("/vm", [v2]);
    assert.equal(readFileSync(file("cgroup.freeze"), "utf8"), "0");
  });

  it("freezing that does not come about is taken back when its signal fires", async () => {
    writeFileSync(file("cgroup.events"), "frozen 0\n");
    const reason = new Error("too slow");
    const abort = new AbortController();
    const freezing = freeze("/vm", [v2], abort.signal);
    abort.abort(reason);
    await assert.rejects(freezing, reason);
    assert.equal(readFileSync(file("cgroup.freeze"), "utf8"), "0");
  });
});

describe("cgroups of this machine", function () {
  const root = `/runhcs-unit-${process.pid}`;
  let hierarchies: CgroupHierarchy[];

  before(function () {
    hierarchies = cgroupHierarchies();
    if (process.getuid?.() === 0 && hierarchies.length > 0) return;
    console.log("      skipped: cgroups need root");
    this.skip();
  });
  afterEach(async () => {
    await removeCgroup(root, hierarchies);
    assert.deepEqual(
      hierarchies.flatMap((one) => cgroupsBelow(one, root)),
      [],
    );
  });

  /** A process in a group of every hierarchy. */
  const sleeperIn = async (path: string) => {
    const child = spawn("sleep", ["1000"]);
    await once(child, "spawn");
    for (const { mountPoint } of hierarchies)
      writeFileSync(join(mountPoint, path, "cgroup.procs"), String(child.pid));
    return child;
  };

  it("are made with their ancestors, take processes and are removed with what is below", async () => {
    createCgroup(`${root}/a/b`, hierarchies);
    createCgroup(`${root}/a/b`, hierarchies);
    const child = await sleeperIn(`${root}/a/b`);
    assert.deepEqual(cgroupProcesses(root, hierarchies), [child.pid]);
    child.kill("SIGKILL");
    await once(child, "exit");
    await removeCgroup(`${root}/a`, hierarchies);
    // The parent was empty then.
    for (const { mountPoint } of hierarchies) assert.ok(!existsSync(join(mountPoint, root)));
    await removeCgroup(`${root}/a`, hierarchies);
  });

  it("stay when a parent has other children", async () => {
    createCgroup(`${root}/a`, hierarchies);
    createCgroup(`${root}/b`, hierarchies);
    await removeCgroup(`${root}/a`, hierarchies);
    for (const { mountPoint } of hierarchies) assert.ok(existsSync(join(mountPoint, root, "b")));
  });

  it("survive the removal of an ancestor by others while they are made", () => {
    createCgroup(root, hierarchies);
    // What another process may do at any moment.
    for (const { mountPoint } of hierarchies) rmdirSync(join(mountPoint, root));
    createCgroup(`${root}/a`, hierarchies);
  });

  it("freeze and thaw their processes", async () => {
    createCgroup(`${root}/vm/pods/pod/one`, hierarchies);
    const child = await sleeperIn(`${root}/vm/pods/pod/one`);
    assert.equal(findGroup(`${root}/vm/pods`, "one", hierarchies), `${root}/vm/pods/pod/one`);
    assert.equal(findGroup(`${root}/vm/pods`, "pod", hierarchies), undefined);
    await freeze(`${root}/vm`, hierarchies, undefined);
    await freeze(`${root}/vm/pods/pod/one`, hierarchies, undefined);
    assert.equal(isFrozen(`${root}/vm`, hierarchies), true);
    assert.equal(isFrozen(`${root}/vm/pods`, hierarchies), false);
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    thawTree(root, hierarchies);
    assert.equal(isFrozen(`${root}/vm/pods/pod/one`, hierarchies), false);
    assert.deepEqual(await ended, [null, "SIGKILL"]);
  });

  it("freeze in the unified hierarchy alone, as on machines that have no other", async function () {
    const unified = hierarchies.filter(({ version }) => version === 2);
    if (unified.length === 0) {
      console.log("      skipped: no cgroup v2 hierarchy is mounted");
      this.skip();
    }
    createCgroup(`${root}/vm/gcs`, hierarchies);
    const child = await sleeperIn(`${root}/vm/gcs`);
    await freeze(`${root}/vm`, unified, undefined);
    assert.equal(isFrozen(`${root}/vm`, unified), true);
    assert.equal(isFrozen(`${root}/vm/gcs`, unified), false);
    thaw(`${root}/vm`, unified);
    assert.equal(isFrozen(`${root}/vm`, unified), false);
    child.kill("SIGKILL");
    await once(child, "exit");
  });

  it("cannot be frozen when they do not exist", async () => {
    await assert.rejects(
      freeze(`${root}/none`, hierarchies, undefined),
      /no cgroup "\/runhcs-unit-\d+\/none"/,
    );
    assert.equal(isFrozen(`${root}/none`, hierarchies), false);
    thawTree(`${root}/none`, hierarchies);
  });

  it("are limited and counted", async () => {
    createCgroup(root, hierarchies);
    limitCgroup(root, { memoryMb: 64, processors: { count: 1, limit: 0, weight: 0 } }, hierarchies, 2);
    assert.equal(memoryLimit(root, hierarchies), 64 * 1024 ** 2);
    const before = cgroupUsage(root, hierarchies).cpu.total;
    const child = spawn("sh", ["-c", "read line; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"]);
    for (const { mountPoint } of hierarchies)
      writeFileSync(join(mountPoint, root, "cgroup.procs"), String(child.pid));
    child.stdin.end("go\n");
    await once(child, "exit");
    assert.ok(cgroupUsage(root, hierarchies).cpu.total > before);
  });
});
