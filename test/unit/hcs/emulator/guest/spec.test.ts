import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ANNOTATION } from "../../../../../hcs/emulator/guest/annotations.ts";
import type { OciSpec } from "../../../../../hcs/emulator/guest/oci.ts";
import { prepareSpec, type SpecContext } from "../../../../../hcs/emulator/guest/spec.ts";
import { deviceAt } from "../../../../../hcs/emulator/guest/devices.ts";
import { makeShortDirectory } from "../../../../support/temp-directory.ts";

describe("prepareSpec", () => {
  let root: string;

  before(async () => {
    root = await makeShortDirectory("spec-");
    // Made with the sandbox.
    mkdirSync(join(root, "sandboxMounts"));
  });

  after(() => rmSync(root, { recursive: true }));

  function context(type: SpecContext["type"], more: Partial<SpecContext> = {}): SpecContext {
    const pod = { id: "pod", root, hostNetwork: false };
    return { id: "c", type, pod, cgroup: "/vm/pods/pod/c", networkPath: undefined, ...more };
  }

  const MOUNT = { type: "mount" };

  it("changes a copy", () => {
    const spec: OciSpec = { linux: { namespaces: [{ type: "network" }] }, windows: {} };
    prepareSpec(spec, context("sandbox", { networkPath: "/run/shares/nics/x" }));
    assert.deepEqual(spec, { linux: { namespaces: [{ type: "network" }] }, windows: {} });
  });

  it("names the cgroup, drops the windows section, and adds a mount namespace", () => {
    assert.deepEqual(prepareSpec({ windows: {}, linux: { cgroupsPath: "x" } }, context("sandbox")), {
      linux: { cgroupsPath: "/vm/pods/pod/c", namespaces: [MOUNT] },
    });
  });

  it("puts the adapter's namespace in the place of the spec's", () => {
    const linux = { namespaces: [MOUNT, { type: "network", path: "/old" }, { type: "pid" }] };
    const joined = prepareSpec({ linux }, context("standalone", { networkPath: "/nic" }));
    assert.deepEqual(joined.linux?.namespaces, [MOUNT, { type: "pid" }, { type: "network", path: "/nic" }]);
    const own = prepareSpec({ linux }, context("sandbox"));
    assert.deepEqual(own.linux?.namespaces, linux.namespaces);
  });

  it("removes the network namespace of every container of a pod on the VM's network", () => {
    const pod = { id: "pod", root, hostNetwork: true };
    const linux = { namespaces: [MOUNT, { type: "network", path: "/proc/7/ns/net" }] };
    for (const type of ["sandbox", "workload", "standalone"] as const) {
      const spec = prepareSpec({ linux }, context(type, { pod, networkPath: "/nic" }));
      assert.deepEqual(spec.linux?.namespaces, [MOUNT], type);
    }
  });

  it("mounts the pod's network files into a workload, unless it mounts its own", () => {
    const own = { destination: "/etc/hosts", type: "bind", source: "/run/x" };
    const spec = prepareSpec(
      { mounts: [own], root: { path: "/run/r", readonly: true } },
      context("workload"),
    );
    assert.deepEqual(spec.mounts, [
      own,
      { destination: "/etc/hostname", type: "bind", source: join(root, "hostname"), options: ["bind", "ro"] },
      {
        destination: "/etc/resolv.conf",
        type: "bind",
        source: join(root, "resolv.conf"),
        options: ["bind", "ro"],
      },
    ]);
    assert.equal(prepareSpec({}, context("sandbox")).mounts, undefined);
    assert.equal(prepareSpec({}, context("standalone")).mounts?.length, 3);
  });

  it("refuses a hostname for a workload", () => {
    assert.throws(() => prepareSpec({ hostname: "x" }, context("workload")), /must not have a hostname/);
    prepareSpec({ hostname: "" }, context("workload"));
  });

  it("resolves sources in the pod's directory, and keeps those that are paths", () => {
    const spec = prepareSpec(
      {
        mounts: [
          { destination: "/a", source: "sandbox://x/../y" },
          { destination: "/b", source: "uvm://etc" },
          { destination: "/proc", type: "proc" },
        ],
      },
      context("workload"),
    );
    assert.deepEqual(spec.mounts?.slice(0, 3), [
      { destination: "/a", source: join(root, "sandboxMounts/y") },
      { destination: "/b", source: "/etc" },
      { destination: "/proc", type: "proc" },
    ]);
    assert.deepEqual(readdirSync(join(root, "sandboxMounts")), ["y"]);
  });

  for (const [source, pattern] of [
    ["uvm://no/such", /mount source "uvm:\/\/no\/such" does not exist in the VM/],
    ["hugepages://2M", /invalid mount source "hugepages:\/\/2M"/],
    ["hugepages://huge/x", /it is not "<size>\/<name>"/],
  ] as const) {
    it(`refuses ${source}`, () => {
      const mounts = [{ destination: "/x", source }];
      assert.throws(() => prepareSpec({ mounts }, context("workload")), pattern);
    });
  }

  for (const [options, access] of [
    [["bind"], "rwm"],
    [["bind", "ro"], "r"],
  ] as const) {
    it(`lets a container use a block device with ${options.join(",")}: ${access}`, () => {
      const mounts = [
        { destination: "blockdev:///dev/x", source: "/dev/null", type: "bind", options: [...options] },
      ];
      const spec = prepareSpec({ mounts }, context("workload"));
      assert.equal(spec.mounts?.[0]?.destination, "/dev/x");
      assert.deepEqual(spec.linux?.resources?.devices, [
        { allow: true, type: "c", major: 1, minor: 3, access },
      ]);
    });
  }

  it("refuses a block device that is none", () => {
    const mounts = [{ destination: "blockdev:///dev/x", source: "/run", type: "bind" }];
    assert.throws(() => prepareSpec({ mounts }, context("workload")), /"\/run" is not a device of the guest/);
  });

  it("refuses paths that only the host has", () => {
    assert.throws(
      () => prepareSpec({ root: { path: "/srv/rootfs" } }, context("sandbox")),
      /is not below \/run\//,
    );
    for (const mount of [
      { destination: "/x", type: "bind", source: "/srv/x" },
      { destination: "/x", type: "none", source: "/run/../srv", options: ["rbind"] },
      { destination: "/x", source: "/running", options: ["bind"] },
    ]) {
      assert.throws(() => prepareSpec({ mounts: [mount] }, context("sandbox")), /the host has not shared it/);
    }
    const allowed = ["/run/gcs/c/x/mounts/m0", "/dev/null", "/sys/fs", "/proc/1"];
    prepareSpec(
      { mounts: allowed.map((source) => ({ destination: "/x", type: "bind", source })) },
      context("sandbox"),
    );
    prepareSpec({ mounts: [{ destination: "/x", type: "tmpfs", source: "/srv" }] }, context("sandbox"));
  });

  it("resizes the shared memory, and limits core files", () => {
    const annotations = { [ANNOTATION.shmSizeKb]: "64", [ANNOTATION.coreLimit]: "1;2" };
    const core = { type: "RLIMIT_CORE", soft: 1n, hard: 2n };
    const cpu = { type: "RLIMIT_CPU", soft: 5, hard: 6 };
    const process = { rlimits: [cpu, { type: "RLIMIT_CORE", soft: 0, hard: 0 }] };
    const mounts = [{ destination: "/dev/shm", type: "bind", source: "/run/x" }];
    const workload = prepareSpec({ annotations, process, mounts }, context("workload"));
    assert.deepEqual(
      workload.mounts?.find(({ destination }) => destination === "/dev/shm"),
      {
        destination: "/dev/shm",
        type: "tmpfs",
        source: "shm",
        options: ["nosuid", "noexec", "nodev", "mode=1777", "size=64k"],
      },
    );
    assert.deepEqual(workload.process?.rlimits, [cpu, core]);
    assert.deepEqual(prepareSpec({ annotations, process }, context("sandbox")).process?.rlimits, [cpu, core]);
    assert.deepEqual(prepareSpec({ annotations, process }, context("standalone")).process, process);
  });

  it("takes a workload's devices from the guest", () => {
    const linux = { devices: [{ path: "/dev/null", type: "b", major: 9, minor: 9 }] };
    const spec = prepareSpec({ linux }, context("workload"));
    assert.deepEqual(spec.linux?.devices, [deviceAt("/dev/null")]);
    assert.deepEqual(spec.linux?.resources?.devices, [
      { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
    ]);
    const missing = { devices: [{ path: "/dev/no-such", type: "c" }] };
    assert.throws(
      () => prepareSpec({ linux: missing }, context("workload")),
      /device "\/dev\/no-such" does not exist/,
    );
    const file = { devices: [{ path: "/dev", type: "c" }] };
    assert.throws(() => prepareSpec({ linux: file }, context("workload")), /"\/dev" is not a device/);
  });

  it("gives a privileged workload all devices", () => {
    const spec = prepareSpec({ annotations: { [ANNOTATION.privileged]: "true" } }, context("workload"));
    const paths = spec.linux?.devices?.map(({ path }) => path) ?? [];
    assert.ok(paths.includes("/dev/null") && paths.includes("/dev/zero"));
    assert.ok(!paths.some((path) => path.startsWith("/dev/pts/") || path === "/dev/console"));
    assert.deepEqual(spec.linux?.resources?.devices, [{ allow: true, access: "rwm" }]);
  });

  it("resolves the user in the root file system of sandboxes and workloads", () => {
    // Below /run, where root file systems of the VM are.
    const rootfs = `/run/spec-test-${process.pid}`;
    mkdirSync(join(rootfs, "etc"), { recursive: true });
    try {
      writeFileSync(join(rootfs, "etc/passwd"), "app:x:5:6::/:\n");
      const spec = { root: { path: rootfs }, process: { user: { username: "app", additionalGids: [9] } } };
      for (const type of ["sandbox", "workload"] as const) {
        const { user } = prepareSpec(spec, context(type)).process ?? {};
        assert.deepEqual(user, { username: "app", additionalGids: [9], uid: 5, gid: 6 });
      }
      assert.deepEqual(prepareSpec(spec, context("standalone")).process, spec.process);
    } finally {
      rmSync(rootfs, { recursive: true });
    }
  });

  it("mounts the log directory where it is asked for", () => {
    const annotations = { [ANNOTATION.teeLogMount]: "/logs" };
    const source = join(root, "logs");
    const { mounts } = prepareSpec({ annotations }, context("sandbox"));
    assert.deepEqual(mounts, [{ destination: "/logs", type: "bind", source, options: ["rbind"] }]);
    assert.deepEqual(readdirSync(source), []);
  });
});
