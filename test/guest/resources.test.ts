import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NULL_CONTAINER_ID } from "../../hcs/guest/protocol.ts";
import { addNetworkNamespace, GuestFixture } from "../support/guest-fixture.ts";
import { skipWithoutGuest } from "../support/guest-harness.ts";
import { execProcess } from "../support/guest-rootfs.ts";

const SANDBOX = { "io.kubernetes.cri.container-type": "sandbox" };

function workloadOf(pod: string, more: Record<string, string> = {}): Record<string, string> {
  return { "io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": pod, ...more };
}

describe("guest: resources", function () {
  let guest: GuestFixture;

  before(async function () {
    skipWithoutGuest(this);
    guest = await GuestFixture.boot();
  });

  after(() => guest?.stop());

  /** A directory of the host, shared under `name`. */
  function shareDirectory(name: string): string {
    const path = join(guest.harness.directory, name);
    mkdirSync(path);
    guest.harness.share(name, path);
    return path;
  }

  async function modifyResult(
    RequestType: string | undefined,
    ResourceType: string,
    Settings: object,
  ): Promise<number> {
    const Request = { ...(RequestType === undefined ? {} : { RequestType }), ResourceType, Settings };
    return (await guest.bridge.call("ModifySettings", { ContainerId: NULL_CONTAINER_ID, Request })).result;
  }

  /** Runs init to its end and answers its output. */
  async function runToEnd(id: string, script: string, options: object = {}): Promise<string> {
    const init = await guest.run(id, { args: ["/bin/sh", "-c", script], ...options }, ["stdout", "stderr"]);
    const [stdout = "", stderr = ""] = await Promise.all([init.stdout?.finish(), init.stderr?.finish()]);
    await guest.exitCode(id, init.pid);
    return stdout + stderr;
  }

  describe("MappedDirectory", () => {
    it("shows a share that the host has added meanwhile, and writes through to it", async () => {
      const directory = shareDirectory("data");
      writeFileSync(join(directory, "from-host"), "host");
      await guest.modify("Add", "MappedDirectory", {
        MountPath: "/run/gcs/c/rw/mounts/m0",
        ShareName: "data",
        Port: 564,
      });
      const mounts = [
        { destination: "/proc", type: "proc", source: "proc" },
        { destination: "/data", type: "bind", source: "/run/gcs/c/rw/mounts/m0", options: ["rbind", "rw"] },
      ];
      assert.equal(
        await runToEnd("rw", "cat /data/from-host; echo guest > /data/from-guest", { extra: { mounts } }),
        "host",
      );
      assert.equal(readFileSync(join(directory, "from-guest"), "utf8"), "guest\n");
      await guest.modify("Remove", "MappedDirectory", { MountPath: "/run/gcs/c/rw/mounts/m0" });
      assert.equal((await guest.inVm("ls /run/gcs/c/rw/mounts")).stdout, "");
      await guest.delete("rw");
      assert.equal(readFileSync(join(directory, "from-host"), "utf8"), "host");
    });

    it("is read-only all the way down when it should be", async () => {
      const directory = shareDirectory("ro");
      mkdirSync(join(directory, "below"));
      const other = join(guest.harness.directory, "other");
      mkdirSync(other);
      guest.harness.share("ro/below", other);
      await guest.modify("Add", "MappedDirectory", {
        MountPath: "/run/mounts/ro",
        ShareName: "ro",
        ReadOnly: true,
      });
      const { stdout, stderr } = await guest.inVm("touch /run/mounts/ro/x /run/mounts/ro/below/x; echo $?");
      assert.equal(stdout, "1\n");
      assert.equal(stderr.match(/Read-only file system/g)?.length, 2);
      await guest.modify("Remove", "MappedDirectory", { MountPath: "/run/mounts/ro" });
    });

    it("fails for a share that the host has not added", async () => {
      for (const ShareName of ["nobody", "../nics", ".."]) {
        assert.equal(
          await modifyResult("Add", "MappedDirectory", { MountPath: "/run/mounts/x", ShareName }),
          0x80004005,
        );
      }
    });
  });

  describe("paths outside of the VM", () => {
    it("are not made, mounted on or removed: they would be the host's", async () => {
      const outside = join(guest.harness.directory, "outside");
      for (const [resource, settings] of [
        ["MappedDirectory", { MountPath: outside, ShareName: "base" }],
        ["MappedDirectory", { MountPath: `/run/..${outside}`, ShareName: "base" }],
        ["MappedDirectory", { ShareName: "base" }],
        ["CombinedLayers", { ContainerRootPath: outside, Layers: [{ Path: "/run/layers/base" }] }],
        ["CombinedLayers", { ContainerRootPath: "/run/gcs/c/x/rootfs", Layers: [{ Path: "/etc" }] }],
        [
          "CombinedLayers",
          {
            ContainerRootPath: "/run/gcs/c/x/rootfs",
            Layers: [{ Path: "/run/layers/base" }],
            ScratchPath: outside,
          },
        ],
      ] as const) {
        assert.equal(await modifyResult("Add", resource, settings), 0x80004005, JSON.stringify(settings));
      }
      const config = JSON.parse(guest.config("outside", { args: ["/bin/true"] })) as Record<string, unknown>;
      for (const member of ["OciBundlePath", "ScratchDirPath"]) {
        const { result } = await guest.bridge.call("Create", {
          ContainerId: "outside",
          ContainerConfig: JSON.stringify({ ...config, [member]: outside }),
        });
        assert.equal(result, 0x80004005, member);
      }
      assert.ok(!existsSync(outside));
    });

    it("are no root file system, and nothing to bind", async () => {
      for (const extra of [
        { root: { path: join(guest.harness.directory, "rootfs") } },
        {
          mounts: [{ destination: "/x", type: "bind", source: guest.harness.directory, options: ["rbind"] }],
        },
        { mounts: [{ destination: "/x", type: "none", source: "/run/../etc", options: ["bind"] }] },
      ]) {
        const { result, body } = await guest.tryCreate("foreign", { args: ["/bin/true"], extra });
        assert.equal(result, 0x80004005);
        assert.match(String(body["ErrorMessage"]), /is not in the VM|is not below \/run\//);
        await guest.modify("Remove", "CombinedLayers", { ContainerRootPath: guest.rootPath("foreign") });
      }
    });
  });

  describe("CombinedLayers", () => {
    it("puts the first layer on top, and changes into the scratch", async () => {
      for (const name of ["top", "middle"]) {
        const directory = shareDirectory(name);
        writeFileSync(join(directory, "name"), name);
        writeFileSync(join(directory, `only-${name}`), "");
        await guest.modify("Add", "MappedDirectory", {
          MountPath: `/run/layers/${name}`,
          ShareName: name,
          ReadOnly: true,
        });
      }
      await guest.modify("Add", "CombinedLayers", {
        ContainerRootPath: "/run/gcs/c/union/rootfs",
        Layers: [{ Path: "/run/layers/top" }, { Path: "/run/layers/middle" }],
        ScratchPath: "/run/gcs/c/union/scratch",
      });
      const script =
        "cd /run/gcs/c/union; cat rootfs/name; ls rootfs; echo new > rootfs/name; cat scratch/upper/name";
      assert.equal((await guest.inVm(script)).stdout, "topname\nonly-middle\nonly-top\nnew\n");
      await guest.modify("Remove", "CombinedLayers", { ContainerRootPath: "/run/gcs/c/union/rootfs" });
      assert.equal((await guest.inVm("ls /run/gcs/c/union")).stdout, "scratch\n");
      assert.equal(
        await modifyResult("Remove", "CombinedLayers", { ContainerRootPath: "/run/gcs/c/union/rootfs" }),
        0,
      );
    });

    it("is read-only without a scratch, of one layer as of several", async () => {
      for (const layers of [["base"], ["top", "base"]]) {
        await guest.modify("Add", "CombinedLayers", {
          ContainerRootPath: "/run/gcs/c/frozen/rootfs",
          Layers: layers.map((name) => ({ Path: `/run/layers/${name}` })),
        });
        const { stderr } = await guest.inVm(
          "test -x /run/gcs/c/frozen/rootfs/bin/sh && touch /run/gcs/c/frozen/rootfs/x",
        );
        assert.match(stderr, /Read-only file system/);
        await guest.modify("Remove", "CombinedLayers", { ContainerRootPath: "/run/gcs/c/frozen/rootfs" });
      }
    });

    for (const [count, result] of [
      [60, 0],
      [200, 0x80004005],
    ] as const) {
      const outcome = result === 0 ? "combines" : "refuses";
      it(`${outcome} ${count} layers whose full paths are too long for mount options`, async () => {
        const directory = `/run/layers/${"a-long-name-".repeat(10)}`;
        const { status } = await guest.inVm(
          `mkdir -p ${directory} && cd ${directory} && for i in $(seq ${count}); do mkdir -p "a,layer:with\\odd characters $i"; touch "a,layer:with\\odd characters $i/file-$i"; done`,
        );
        assert.equal(status, 0);
        const names = Array.from(
          { length: count },
          (_, index) => `a,layer:with\\odd characters ${index + 1}`,
        );
        const settings = {
          ContainerRootPath: "/run/gcs/c/many/rootfs",
          Layers: names.map((name) => ({ Path: `${directory}/${name}` })),
          ScratchPath: "/run/gcs/c/many/scratch,with:odd\\name",
        };
        assert.equal(await modifyResult("Add", "CombinedLayers", settings), result);
        const expected = result === 0 ? count : 0;
        assert.equal((await guest.inVm("ls /run/gcs/c/many/rootfs | wc -l")).stdout, `${expected}\n`);
        await guest.modify("Remove", "CombinedLayers", { ContainerRootPath: settings.ContainerRootPath });
      });
    }

    it("fails without layers, and for a layer that is none", async () => {
      const ContainerRootPath = "/run/gcs/c/none/rootfs";
      assert.equal(await modifyResult("Add", "CombinedLayers", { ContainerRootPath }), 0x80004005);
      const Layers = [{ Path: "/run/layers/nope" }];
      assert.equal(await modifyResult("Add", "CombinedLayers", { ContainerRootPath, Layers }), 0x80004005);
    });
  });

  describe("Network", () => {
    const NIC = "22f0aa22-33bb-44cc-55dd-66ee77ff8899";
    const NamespaceID = "c0c0c0c0-0d4f-4c53-9d5e-61f0b1a2c3d4";

    it("gives a standalone container the adapter's namespace, and to no other", async () => {
      const inode = await addNetworkNamespace(guest.harness, NIC);
      await guest.modify("Add", "Network", { NamespaceID, ID: NIC.toUpperCase() });
      const extra = { windows: { network: { networkNamespace: NamespaceID.toUpperCase() } } };
      assert.equal(await runToEnd("alone", "readlink /proc/self/ns/net", { extra }), `${inode}\n`);
      assert.match(
        String((await guest.tryCreate("second", { args: ["/bin/true"], extra })).body["ErrorMessage"]),
        /already belongs to "alone"/,
      );
      await guest.modify("Remove", "CombinedLayers", { ContainerRootPath: guest.rootPath("second") });
      await guest.delete("alone");
    });

    it("leaves the spec's own namespace without one", async () => {
      const own = (await guest.inVm("readlink /proc/self/ns/net")).stdout;
      assert.notEqual(await runToEnd("private", "readlink /proc/self/ns/net"), own);
      await guest.delete("private");
    });

    it("makes no demands on the namespace of a standalone container", async () => {
      const extra = { windows: { network: { networkNamespace: "0a0a0a0a-1111-2222-3333-444455556666" } } };
      assert.equal(
        await runToEnd("unplugged", "ls /sys/class/net 2>/dev/null; echo ran", { extra }),
        "ran\n",
      );
      await guest.delete("unplugged");
    });

    it("removes the namespace with the host network annotation, for the whole pod", async () => {
      const own = (await guest.inVm("readlink /proc/self/ns/net")).stdout;
      await guest.create("hostnet", {
        args: ["/bin/sleep", "1000"],
        annotations: { ...SANDBOX, "io.microsoft.virtualmachine.lcow.hostnetwork": "true" },
      });
      const annotations = workloadOf("hostnet");
      assert.equal(await runToEnd("hostnet-web", "readlink /proc/self/ns/net", { annotations }), own);
      await guest.delete("hostnet-web");
      await guest.delete("hostnet");
    });

    it("fails for a namespace or an adapter that does not exist", async () => {
      const extra = { windows: { network: { networkNamespace: "0d0d0d0d-0000-0000-0000-000000000000" } } };
      const lost = await guest.tryCreate("lost", { args: ["/bin/true"], annotations: SANDBOX, extra });
      assert.equal(lost.result, 0x80070490);
      const skip = { ...SANDBOX, "io.microsoft.cri.skip-pod-networking": "True" };
      await guest.create("lost", { args: ["/bin/true"], annotations: skip, extra });
      await guest.delete("lost");
      assert.equal(
        await modifyResult("Add", "Network", { NamespaceID, ID: "11111111-0000-0000-0000-000000000000" }),
        0x80004005,
      );
      assert.equal(await modifyResult("Add", "Network", { NamespaceID, ID: NIC }), 0x80004005);
      assert.equal(await modifyResult("Remove", "Network", { NamespaceID: "no-such", ID: "x" }), 0);
    });
  });

  describe("a pod's directories", () => {
    before(() =>
      guest.create("pod", { args: ["/bin/sleep", "1000"], annotations: SANDBOX, extra: { hostname: "pod" } }),
    );

    after(() => guest.delete("pod"));

    it("are shared by its workloads", async () => {
      const mounts = [
        { destination: "/proc", type: "proc", source: "proc" },
        { destination: "/keep", type: "bind", source: "sandbox://a/b", options: ["rbind"] },
        { destination: "/quick", type: "bind", source: "sandbox-tmp://../../c", options: ["rbind"] },
        { destination: "/os", type: "bind", source: "uvm:///etc/os-release", options: ["bind", "ro"] },
      ];
      const annotations = workloadOf("pod");
      assert.equal(
        await runToEnd("writer", "echo 1 > /keep/x; echo 2 > /quick/x; test -s /os && echo os", {
          annotations,
          extra: { mounts },
        }),
        "os\n",
      );
      const user = {
        user: { uid: 1000, gid: 1000 },
        args: ["/bin/sh", "-c", "cat /keep/x /quick/x; touch /keep/mine"],
        cwd: "/",
        env: [],
      };
      assert.equal(await runToEnd("reader", "", { annotations, extra: { mounts, process: user } }), "1\n2\n");
      assert.equal((await guest.inVm("ls /run/gcs/c/pod/sandboxMounts/a/b")).stdout, "mine\nx\n");
      await guest.delete("writer");
      await guest.delete("reader");
    });

    it("hold huge pages for its workloads", async () => {
      const mounts = [
        { destination: "/proc", type: "proc", source: "proc" },
        { destination: "/huge", type: "bind", source: "hugepages://2M/cache", options: ["rbind"] },
      ];
      const annotations = workloadOf("pod");
      const script = "grep ' /huge ' /proc/mounts | cut -d ' ' -f 3; touch /huge/page";
      for (const id of ["huge-1", "huge-2"]) {
        assert.equal(await runToEnd(id, script, { annotations, extra: { mounts } }), "hugetlbfs\n");
      }
      assert.equal((await guest.inVm("ls /run/gcs/c/pod/hugepages/2M/cache")).stdout, "page\n");
      assert.equal((await guest.inVm("grep -c c/pod/hugepages /proc/mounts")).stdout, "1\n");
      for (const id of ["huge-1", "huge-2"]) await guest.delete(id);
    });

    it("hold its network files, which a workload may mount over", async () => {
      const own = join("/run/layers", "own-hosts");
      await guest.inVm(`echo mine > ${own}`);
      const mounts = [
        { destination: "/proc", type: "proc", source: "proc" },
        { destination: "/etc/hosts", type: "bind", source: own, options: ["bind"] },
      ];
      const annotations = workloadOf("pod");
      assert.equal(
        await runToEnd("files", "cat /etc/hostname /etc/hosts; cat /etc/resolv.conf", {
          annotations,
          extra: { mounts },
        }),
        "pod\nmine\n",
      );
      await guest.delete("files");
    });

    it("receive a copy of a workload's output", async () => {
      const annotations = workloadOf("pod", {
        "io.microsoft.container.lcow.tee-log-path": "web/out.log",
        "io.microsoft.container.lcow.tee-log-dir-mount": "/logs",
      });
      await runToEnd("tee", "echo out; ls /logs", { annotations });
      assert.equal((await guest.inVm("cat /run/gcs/c/pod/logs/web/out.log")).stdout, "out\nweb\n");
      await guest.delete("tee");
      const escape = workloadOf("pod", { "io.microsoft.container.lcow.tee-log-path": "../escape" });
      assert.equal(
        (await guest.tryCreate("escape", { args: ["/bin/true"], annotations: escape })).result,
        0x80004005,
      );
    });

    it("are gone with it, mounts included", async () => {
      const before = (await guest.inVm("grep -c c/brief/ /proc/mounts")).stdout;
      await guest.create("brief", { args: ["/bin/true"], annotations: SANDBOX });
      assert.notEqual((await guest.inVm("grep -c c/brief/ /proc/mounts")).stdout, before);
      await guest.delete("brief");
      assert.equal((await guest.inVm("grep -c c/brief/ /proc/mounts; ls -d /run/gcs/c/brief")).stdout, "0\n");
    });

    it("are needed by every workload", async () => {
      for (const pod of ["nobody", ""]) {
        const { result } = await guest.tryCreate("orphan", {
          args: ["/bin/true"],
          annotations: workloadOf(pod),
        });
        assert.equal(result, 0x80004005);
      }
    });

    it("give a workload the shared memory and devices it asks for", async () => {
      const annotations = workloadOf("pod", { "io.microsoft.lcow.shm.size-kb": "2048" });
      const linux = {
        namespaces: [{ type: "mount" }, { type: "pid" }],
        devices: [{ path: "/dev/fuse", type: "c", major: 1, minor: 1 }],
      };
      const script = "df -k /dev/shm | tail -1 | tr -s ' ' | cut -d ' ' -f 2; stat -c '%t:%T' /dev/fuse";
      const expected = (await guest.inVm("stat -c '%t:%T' /dev/fuse")).stdout;
      assert.equal(await runToEnd("shm", script, { annotations, extra: { linux } }), `2048\n${expected}`);
      await guest.delete("shm");
    });
  });

  describe("ContainerConstraints", () => {
    it("change a running container's limits", async () => {
      await guest.run("limits", { args: ["/bin/sleep", "1000"] });
      const update = (ContainerId: string): Promise<{ result: number }> =>
        guest.bridge.call("ModifySettings", {
          ContainerId,
          Request: {
            RequestType: "Update",
            ResourceType: "ContainerConstraints",
            Settings: {
              Windows: {},
              Linux: { memory: { limit: 67108864 }, cpu: { shares: 512, quota: 20000, period: 100000 } },
            },
          },
        });
      assert.equal((await update("limits")).result, 0);
      const { LCOWMetrics } = await guest.properties("limits", "Statistics");
      assert.equal((LCOWMetrics as { memory: { usage: { limit: number } } }).memory.usage.limit, 67108864);
      assert.equal((await update("nobody")).result, 0xc037010e);
      const other = { RequestType: "Add", ResourceType: "CombinedLayers", Settings: {} };
      assert.equal(
        (await guest.bridge.call("ModifySettings", { ContainerId: "limits", Request: other })).result,
        0x80004005,
      );
    });

    it("show in statistics what a container uses", async () => {
      await guest.output(
        "limits",
        execProcess(["/bin/sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"]),
      );
      const { LCOWMetrics } = await guest.properties("limits", "Statistics", "ProcessList", "NoSuchType");
      const { cpu, pids, blkio } = LCOWMetrics as Record<string, Record<string, Record<string, number>>>;
      assert.ok((cpu?.["usage"]?.["total"] ?? 0) > 1_000_000);
      assert.equal(pids?.["current"], 1);
      assert.deepEqual(blkio, {});
      assert.equal(
        (await guest.bridge.call("GetProperties", { ContainerId: NULL_CONTAINER_ID, Query: "{}" })).result,
        0x80004005,
      );
      assert.equal(
        (await guest.bridge.call("GetProperties", { ContainerId: "nobody", Query: "{}" })).result,
        0xc037010e,
      );
      const [init = 0] = await guest.processIds("limits");
      await guest.bridge.must("SignalProcess", { ContainerId: "limits", ProcessId: init });
      await guest.exitCode("limits", init);
      await guest.delete("limits");
    });
  });

  describe("resources it does not have", () => {
    for (const [request, resource, result] of [
      ["Add", "Nope", 0x80004005],
      ["Update", "CombinedLayers", 0x80004005],
      ["Add", "MappedVirtualDisk", 0x80004005],
      ["Add", "VPMemDevice", 0x80004005],
      ["Add", "VPCIDevice", 0x80004005],
      ["Add", "NetworkNamespace", 0x80004005],
      ["Remove", "SCSIDevice", 0],
      ["Update", "PodCgroupMemoryLimit", 0],
      ["Add", "SecurityPolicyFragment", 0x80004005],
    ] as const) {
      it(`answers 0x${result.toString(16)} to ${request} ${resource}`, async () => {
        assert.equal(await modifyResult(request, resource, {}), result);
      });
    }

    it("takes a missing RequestType for Add", async () => {
      assert.equal(await modifyResult(undefined, "SCSIDevice", {}), 0x80004005);
      assert.equal(await modifyResult(undefined, "SecurityPolicy", {}), 0);
    });

    it("accepts no security policy that it would have to enforce", async () => {
      const open = { EnforcerType: "open_door", EncodedSecurityPolicy: "" };
      assert.equal(await modifyResult("Add", "SecurityPolicy", open), 0);
      const strict = { EnforcerType: "rego", EncodedSecurityPolicy: "cGFja2FnZSBwb2xpY3k=" };
      assert.equal(await modifyResult("Add", "SecurityPolicy", strict), 0x80004005);
    });
  });
});
