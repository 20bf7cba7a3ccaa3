/** What the VM sees of its host, looked at from inside, and what its cgroups say. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { ComputeSystem } from "../../hcs/api.ts";
import { isFrozen } from "../../hcs/emulator/cgroup/freezer.ts";
import { memoryLimit } from "../../hcs/emulator/cgroup/statistics.ts";
import { cgroupHierarchies, createCgroup, hierarchyOf } from "../../hcs/emulator/cgroup/tree.ts";
import { isInvalidState, isNotFound } from "../../hcs/hresult.ts";
import {
  MEMORY_SIZE,
  networkAdapterPath,
  PLAN9_FLAG,
  PLAN9_SHARES,
  PROCESSOR_LIMITS,
  type Plan9Share,
} from "../../hcs/schema/modify.ts";
import { withBackend } from "./backend.ts";
import { emulatorFactory } from "./emulator-under-test.ts";
import { createSystem, endSystem, hcsError } from "./under-test.ts";

withBackend("emulator: the guest's view", emulatorFactory, (under) => {
  let system: ComputeSystem;
  let source: string;

  beforeEach(async () => {
    system = await createSystem(under());
    source = join(under().directory, "source");
    mkdirSync(join(source, "sub"), { recursive: true });
    writeFileSync(join(source, "file"), "content");
    writeFileSync(join(source, "secret"), "hidden");
  });
  afterEach(async () => {
    await endSystem(system);
  });

  const guest = (path: string): string => under().inGuest(system.id, path);
  const share = (settings: Partial<Plan9Share>, RequestType: "Add" | "Remove" = "Add"): Promise<void> => {
    const Settings = { Name: "0", AccessName: "0", Port: 564, ...settings };
    return system.modify({ ResourcePath: PLAN9_SHARES, RequestType, Settings });
  };

  describe("Plan9 shares", () => {
    it("appear and disappear while the guest runs", async () => {
      await share({ Path: source, Flags: PLAN9_FLAG.linuxMetadata });
      assert.equal(readFileSync(guest("/run/shares/plan9/0/file"), "utf8"), "content");
      writeFileSync(guest("/run/shares/plan9/0/made"), "by the guest");
      assert.equal(readFileSync(join(source, "made"), "utf8"), "by the guest");
      await share({}, "Remove");
      assert.ok(!existsSync(guest("/run/shares/plan9/0")));
      assert.ok(existsSync(join(source, "file")));
    });

    it("that are read-only are so in every mount below", async () => {
      const mounted = join(source, "sub");
      const { storage } = under().backend;
      await storage.mount(
        [{ type: "tmpfs", source: "tmpfs", target: "", options: ["nosuid", "size=64k"] }],
        mounted,
      );
      await share({ Path: source, Flags: PLAN9_FLAG.readOnly });
      for (const path of ["file", "sub/file"]) {
        const write = (): void => writeFileSync(guest(`/run/shares/plan9/0/${path}`), "");
        assert.throws(write, { code: "EROFS" });
      }
      // The host's own mounts are as before.
      writeFileSync(join(mounted, "file"), "");
      await share({}, "Remove");
      await storage.unmount(mounted);
    });

    it("that are restricted show the allowed files alone", async () => {
      await share({ Path: source, Flags: PLAN9_FLAG.restrictFileAccess, AllowedFiles: ["file"] });
      assert.deepEqual(readdirSync(guest("/run/shares/plan9/0")), ["file"]);
      writeFileSync(guest("/run/shares/plan9/0/file"), "changed");
      assert.equal(readFileSync(join(source, "file"), "utf8"), "changed");
      assert.throws(() => writeFileSync(guest("/run/shares/plan9/0/new"), ""), { code: "EROFS" });
    });

    it("that are restricted and read-only cannot be written to", async () => {
      const Flags = PLAN9_FLAG.restrictFileAccess | PLAN9_FLAG.readOnly;
      await share({ Path: source, Flags, AllowedFiles: ["file"] });
      assert.throws(() => writeFileSync(guest("/run/shares/plan9/0/file"), ""), { code: "EROFS" });
    });

    it("keep what the guest still uses when they are removed", async () => {
      await share({ Path: source });
      const reader = spawn("sh", ["-c", "exec sleep 1000"], { cwd: guest("/run/shares/plan9/0") });
      const ended = once(reader, "exit");
      await once(reader, "spawn");
      await share({}, "Remove");
      await share({ Path: source });
      reader.kill("SIGKILL");
      await ended;
    });
  });

  describe("network adapters", () => {
    it("are the network namespace of the endpoint", async () => {
      const { reference } = await under().makeNetwork();
      const { endpoints } = await under().backend.network.openNamespace(reference);
      const nic = "11111111-2222-4333-8444-555555555555";
      const settings = { EndpointId: endpoints[0]!.id };
      await system.modify({ ResourcePath: networkAdapterPath(nic), RequestType: "Add", Settings: settings });
      const namespace = (path: string): string =>
        execFileSync("nsenter", [`--net=${path}`, "readlink", "/proc/self/ns/net"], { encoding: "utf8" });
      assert.equal(namespace(guest(`/run/shares/nics/${nic}`)), namespace(reference));
      await system.modify({
        ResourcePath: networkAdapterPath(nic),
        RequestType: "Remove",
        Settings: settings,
      });
      assert.ok(!existsSync(guest(`/run/shares/nics/${nic}`)));
    });
  });

  describe("processes", () => {
    it("have namespaces of their own and the host's file system", () => {
      for (const kind of ["pid", "mnt", "uts", "ipc", "net"]) {
        const own = readlinkSync(`/proc/${under().listing(system.id).worker.pid}/ns/${kind}`);
        assert.notEqual(own, readlinkSync(`/proc/self/ns/${kind}`), kind);
      }
      assert.ok(existsSync(guest("/bin/busybox")));
    });

    it("are in the VM's cgroup", () => {
      const { cgroup, worker } = under().listing(system.id);
      const lines = readFileSync(`/proc/${worker.pid}/cgroup`, "utf8").trim().split("\n");
      for (const line of lines) assert.equal(line.split(":")[2], `${cgroup}/gcs`);
    });
  });

  describe("cgroup", () => {
    const read = (controller: string, file: string): string => {
      const { mountPoint } = hierarchyOf(cgroupHierarchies(), controller)!;
      return readFileSync(join(mountPoint, under().listing(system.id).cgroup, file), "utf8").trim();
    };

    it("is limited as the document and later requests say", async () => {
      const { cgroup } = under().listing(system.id);
      assert.equal(memoryLimit(cgroup, cgroupHierarchies()), 512 * 1024 ** 2);
      const isV2 = hierarchyOf(cgroupHierarchies(), "cpu")?.version === 2;
      const quota = (): string =>
        isV2 ? read("cpu", "cpu.max") : `${read("cpu", "cpu.cfs_quota_us")} 100000`;
      assert.equal(quota(), "100000 100000");
      const { logicalProcessors } = await under().backend.host();
      await system.modify({
        ResourcePath: PROCESSOR_LIMITS,
        Settings: { Limit: Math.floor(25_000 / logicalProcessors) },
      });
      assert.equal(quota(), "25000 100000");
    });
  });

  it("cannot be given less memory than it uses", async () => {
    const { cgroup } = under().listing(system.id);
    const { mountPoint } = hierarchyOf(cgroupHierarchies(), "memory")!;
    const script =
      "globalThis.kept = Buffer.alloc(64 << 20, 1); console.log('full'); setInterval(() => undefined, 1000)";
    const enter = `echo $$ > "${join(mountPoint, cgroup, "gcs", "cgroup.procs")}"`;
    const eater = spawn("sh", ["-c", `${enter}; exec "${process.execPath}" -e "$0"`, script]);
    const ended = once(eater, "exit");
    await once(eater.stdout, "data");
    const set = (Settings: number): Promise<void> => system.modify({ ResourcePath: MEMORY_SIZE, Settings });
    const isNoResources = (error: unknown): boolean => (error as { hresult: number }).hresult === 0x8007_05aa;
    await assert.rejects(set(16), hcsError(isNoResources, "uses more memory than 16 MiB"));
    assert.equal(eater.exitCode, null);
    assert.equal(memoryLimit(cgroup, cgroupHierarchies()), 512 * 1024 ** 2);
    eater.kill("SIGKILL");
    await ended;
  });

  describe("pauseHosted and resumeHosted", () => {
    it("stop and continue one container", async () => {
      await system.start();
      const { cgroup } = under().listing(system.id);
      const group = `${cgroup}/pods/pod/container`;
      createCgroup(group, cgroupHierarchies());
      createCgroup(`${cgroup}/pods/pod/sibling`, cgroupHierarchies());
      await system.pauseHosted!("container");
      assert.ok(isFrozen(group, cgroupHierarchies()));
      assert.ok(!isFrozen(`${cgroup}/pods/pod/sibling`, cgroupHierarchies()));
      assert.equal((await system.properties({})).State, "Running");
      await assert.rejects(
        system.pauseHosted!("container"),
        hcsError(isInvalidState, '"container" is paused'),
      );
      await system.resumeHosted!("container");
      assert.ok(!isFrozen(group, cgroupHierarchies()));
      await assert.rejects(
        system.resumeHosted!("container"),
        hcsError(isInvalidState, '"container" is not paused'),
      );
      await assert.rejects(system.pauseHosted!("nobody"), hcsError(isNotFound, '"nobody" does not exist'));
    });
  });

  it("does not survive the removal of a shared directory on the host", async () => {
    await share({ Path: source });
    rmSync(source, { recursive: true });
    await share({}, "Remove");
    await share({ Path: under().directory });
  });
});
