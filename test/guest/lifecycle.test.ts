import assert from "node:assert/strict";
import { freeze } from "../../hcs/emulator/cgroup/freezer.ts";
import { cgroupHierarchies } from "../../hcs/emulator/cgroup/tree.ts";
import { NULL_ACTIVITY_ID } from "../../hcs/guest/protocol.ts";
import { addNetworkNamespace, GuestFixture } from "../support/guest-fixture.ts";
import { skipWithoutGuest } from "../support/guest-harness.ts";
import { execProcess } from "../support/guest-rootfs.ts";
import { until } from "../support/until.ts";

const NAMESPACE = "B3C1E5AA-0d4f-4c53-9d5e-61f0b1a2c3d4";
const NIC = "11f0aa22-33bb-44cc-55dd-66ee77ff8899";

describe("guest: containers", function () {
  let guest: GuestFixture;

  before(async function () {
    skipWithoutGuest(this);
    guest = await GuestFixture.boot();
  });

  after(() => guest?.stop());

  it("runs a pod: a sandbox, a workload in its namespaces, an exec", async () => {
    const { bridge, harness } = guest;
    const namespaceInode = await addNetworkNamespace(harness, NIC);
    await guest.modify("Add", "Network", {
      NamespaceID: NAMESPACE,
      ID: NIC,
      DNSSuffix: "svc.Cluster.local,cluster.local",
      DNSServerList: "10.0.0.10,10.0.0.11",
    });
    const sandbox = await guest.run("pod", {
      args: ["/bin/sleep", "1000"],
      annotations: {
        "io.kubernetes.cri.container-type": "sandbox",
        "io.kubernetes.cri.sandbox-id": "pod",
      },
      extra: { hostname: "pod-a.example", windows: { network: { networkNamespace: NAMESPACE } } },
    });
    const workload = await guest.run(
      "web",
      {
        args: ["/bin/sh", "-c", "readlink /proc/self/ns/net; cat /etc/hostname /etc/resolv.conf; exit 3"],
        annotations: {
          "io.kubernetes.cri.container-type": "container",
          "io.kubernetes.cri.sandbox-id": "pod",
        },
        extra: {
          linux: {
            namespaces: [
              { type: "mount" },
              { type: "pid" },
              { type: "network", path: `/proc/${sandbox.pid}/ns/net` },
              { type: "uts", path: `/proc/${sandbox.pid}/ns/uts` },
            ],
          },
        },
      },
      ["stdout"],
    );
    assert.equal(
      await workload.stdout?.finish(),
      `${namespaceInode}\npod-a.example\n` +
        "search svc.cluster.local cluster.local\nnameserver 10.0.0.10\nnameserver 10.0.0.11\n",
    );
    assert.equal(await guest.exitCode("web", workload.pid), 3);
    assert.deepEqual((await bridge.notification("web")).body, {
      ContainerId: "web",
      ActivityId: NULL_ACTIVITY_ID,
      Type: "UnexpectedExit",
      Operation: "None",
      Result: 0,
    });
    assert.deepEqual(await guest.processIds("web"), []);
    await guest.delete("web");

    assert.deepEqual(await guest.output("pod", execProcess(["/bin/hostname"])), {
      status: 0,
      stdout: "pod-a.example\n",
      stderr: "",
    });
    assert.deepEqual(await guest.processIds("pod"), [sandbox.pid]);
    await bridge.must("ShutdownGraceful", { ContainerId: "pod" });
    // sleep, as process 1 of its namespace, does not take SIGTERM.
    await bridge.must("ShutdownForced", { ContainerId: "pod" });
    assert.equal(await guest.exitCode("pod", sandbox.pid), 137);
    assert.equal((await bridge.notification("pod")).body["Type"], "ForcedExit");
    await guest.modify("Remove", "Network", { NamespaceID: NAMESPACE, ID: NIC });
    await guest.delete("pod");
    assert.equal(
      (await guest.inVm("find /run/gcs/c -mindepth 1; ls /run/gcs/runc; grep -c gcs/c /proc/mounts")).stdout,
      "0\n",
    );
  });

  it("accepts Start for every id and does nothing", async () => {
    await guest.bridge.must("Start", { ContainerId: "nobody" });
  });

  it("tells of the exit only after a wait, and then also when that wait comes late", async () => {
    const init = await guest.run("late", { args: ["/bin/true"] });
    await until("init to have exited", async () => (await guest.processIds("late")).length === 0);
    assert.deepEqual(guest.bridge.notifications("late"), []);
    assert.equal(await guest.exitCode("late", init.pid), 0);
    await guest.bridge.notification("late");
    // Init stays known, and its end is told once.
    assert.equal(await guest.exitCode("late", init.pid), 0);
    await guest.delete("late");
    assert.equal(guest.bridge.notifications("late").length, 1);
  });

  it("tells of the exit after the last of several waits was answered", async () => {
    const { bridge } = guest;
    const init = await guest.run("waits", { args: ["/bin/cat"] }, ["stdin"]);
    const waits = [guest.sendWait("waits", init.pid), guest.sendWait("waits", init.pid)];
    init.stdin?.end();
    for (const wait of waits) assert.equal((await bridge.response(wait)).body["ExitCode"], 0);
    await bridge.notification("waits");
    const order = bridge.received.map(({ id, type }) => (type >>> 28 === 3 ? "exit" : id));
    assert.ok(order.lastIndexOf("exit") > Math.max(...waits.map((wait) => order.indexOf(wait))));
    await guest.delete("waits");
  });

  it("reports GracefulExit for an init that took the host's SIGTERM", async () => {
    const init = await guest.run(
      "graceful",
      { args: ["/bin/sh", "-c", "trap 'exit 0' TERM; echo up; while :; do sleep 1; done"] },
      ["stdout"],
    );
    await init.stdout?.until("up");
    await guest.bridge.must("ShutdownGraceful", { ContainerId: "graceful" });
    await init.stdout?.finish();
    assert.equal(await guest.exitCode("graceful", init.pid), 0);
    assert.equal((await guest.bridge.notification("graceful")).body["Type"], "GracefulExit");
    await guest.delete("graceful");
  });

  it("refuses Shutdown of a container that has stopped or never was", async () => {
    const init = await guest.run("stopped", { args: ["/bin/true"] });
    await guest.exitCode("stopped", init.pid);
    for (const message of ["ShutdownGraceful", "ShutdownForced"] as const) {
      assert.equal((await guest.bridge.call(message, { ContainerId: "stopped" })).result, 0xc0370110);
      assert.equal((await guest.bridge.call(message, { ContainerId: "nobody" })).result, 0xc037010e);
    }
    await guest.delete("stopped");
  });

  it("kills a container that the host has frozen", async () => {
    const init = await guest.run("frozen", { args: ["/bin/sleep", "1000"] });
    await freeze(`${guest.harness.system.cgroup}/pods/frozen/frozen`, cgroupHierarchies(), undefined);
    await guest.bridge.must("ShutdownForced", { ContainerId: "frozen" });
    assert.equal(await guest.exitCode("frozen", init.pid), 137);
    await guest.delete("frozen");
  });

  it("kills everything in the container with its init, also without a pid namespace of its own", async () => {
    const init = await guest.run(
      "shared-pids",
      {
        args: ["/bin/sh", "-c", "sleep 1000 & setsid sleep 1000 & echo up; wait"],
        extra: { linux: { namespaces: [{ type: "mount" }, { type: "network" }] } },
      },
      ["stdout"],
    );
    await init.stdout?.until("up");
    const exec = await guest.exec("shared-pids", execProcess(["/bin/sleep", "1000"]));
    assert.equal((await guest.processIds("shared-pids")).length, 4);
    await guest.bridge.must("ShutdownForced", { ContainerId: "shared-pids" });
    await init.stdout?.finish();
    assert.equal(await guest.exitCode("shared-pids", init.pid), 137);
    assert.equal(await guest.exitCode("shared-pids", exec.pid), 137);
    assert.deepEqual(await guest.processIds("shared-pids"), []);
    await guest.delete("shared-pids");
  });

  it("runs an exec between Create and the start of init", async () => {
    await guest.create("early-exec", { args: ["/bin/true"] });
    assert.equal((await guest.output("early-exec", execProcess(["/bin/echo", "early"]))).stdout, "early\n");
    const init = await guest.start("early-exec");
    assert.equal(await guest.exitCode("early-exec", init.pid), 0);
    await guest.delete("early-exec");
  });

  it("refuses a second start of init and leaves the first alone", async () => {
    const init = await guest.run("twice", { args: ["/bin/cat"] }, ["stdin", "stdout"]);
    const { response } = await guest.tryExecute("twice", {});
    assert.equal(response.result, 0x80370105);
    init.stdin?.end("still here");
    assert.equal(await init.stdout?.finish(), "still here");
    assert.equal(await guest.exitCode("twice", init.pid), 0);
    await guest.delete("twice");
  });

  it("kills a created container whose init never started", async () => {
    await guest.create("unborn", { args: ["/bin/true"] });
    await guest.delete("unborn");
    const { response } = await guest.tryExecute("unborn", {});
    assert.equal(response.result, 0xc037010e);
  });

  it("reports a delete of a running container and still leaves nothing of it", async () => {
    const init = await guest.run("careless", { args: ["/bin/sleep", "1000"] });
    const wait = guest.sendWait("careless", init.pid);
    await guest.modify("Remove", "CombinedLayers", { ContainerRootPath: guest.rootPath("careless") });
    assert.equal(
      (await guest.bridge.call("DeleteContainerState", { ContainerId: "careless" })).result,
      0x80370105,
    );
    assert.equal((await guest.bridge.response(wait)).body["ExitCode"], 137);
    assert.equal(
      (await guest.bridge.call("DeleteContainerState", { ContainerId: "careless" })).result,
      0xc037010e,
    );
    assert.equal(
      (await guest.inVm("ls -d /run/gcs/c/careless /sys/fs/cgroup/*/runhcs-test/*/pods/careless")).stdout,
      "",
    );
  });

  it("does not delete what is mounted below the bundle", async () => {
    const init = await guest.run("mounted", { args: ["/bin/true"] });
    await guest.exitCode("mounted", init.pid);
    await guest.modify("Add", "MappedDirectory", {
      MountPath: "/run/gcs/c/mounted/mounts/m0",
      ShareName: "base",
    });
    const { result, body } = await guest.bridge.call("DeleteContainerState", { ContainerId: "mounted" });
    assert.equal(result, 0x80004005);
    assert.match(String(body["ErrorMessage"]), /busy/);
    assert.equal((await guest.inVm("ls /run/gcs/c/mounted/mounts/m0/bin/busybox")).status, 0);
    await guest.modify("Remove", "MappedDirectory", { MountPath: "/run/gcs/c/mounted/mounts/m0" });
    await guest.modify("Remove", "CombinedLayers", { ContainerRootPath: guest.rootPath("mounted") });
    assert.equal(
      (await guest.bridge.call("DeleteContainerState", { ContainerId: "mounted" })).result,
      0xc037010e,
    );
  });

  it("frees the id of a container that could not be created", async () => {
    const missing = await guest.tryCreate("again", { args: ["/nope"] });
    assert.equal(missing.result, 0x80004005);
    assert.match(
      String(missing.body["ErrorMessage"]),
      /exec: "\/nope": stat \/nope: no such file or directory/,
    );
    await guest.modify("Remove", "CombinedLayers", { ContainerRootPath: guest.rootPath("again") });
    const init = await guest.run("again", { args: ["/bin/true"] });
    assert.equal(await guest.exitCode("again", init.pid), 0);
    await guest.delete("again");
  });

  it("gives a spec without a linux section one, with a mount namespace", async () => {
    await guest.combineLayers("bare");
    const config = JSON.parse(guest.config("bare", { args: ["/bin/mount"] })) as {
      OciSpecification: { linux?: unknown };
    };
    delete config.OciSpecification.linux;
    await guest.bridge.must("Create", { ContainerId: "bare", ContainerConfig: JSON.stringify(config) });
    const init = await guest.start("bare", ["stdout"]);
    assert.match((await init.stdout?.finish()) ?? "", /^devpts on \/dev\/pts/m);
    assert.equal(await guest.exitCode("bare", init.pid), 0);
    await guest.delete("bare");
    assert.equal((await guest.inVm("grep -c gcs/c /proc/mounts")).stdout, "0\n");
  });
});
