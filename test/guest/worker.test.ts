import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { cgroupHierarchies, cgroupProcesses } from "../../hcs/emulator/cgroup/tree.ts";
import { parseMountInfo } from "../../hcs/emulator/storage/mount-table.ts";
import { encodeLine, LineSplitter } from "../../hcs/emulator/worker/messages.ts";
import { LINUX_GUEST_PORT } from "../../hcs/schema/hv-socket.ts";
import { NULL_CONTAINER_ID } from "../../hcs/guest/protocol.ts";
import { mount, unmount } from "../../hcs/posix/libc.ts";
import { GuestFixture } from "../support/guest-fixture.ts";
import { GuestHarness, skipWithoutGuest } from "../support/guest-harness.ts";
import { makeShortDirectory } from "../support/temp-directory.ts";
import { until } from "../support/until.ts";

/** A further handle to a system: what it has heard, and the connection. */
class Handle {
  readonly socket: Socket;
  readonly lines: string[] = [];
  closed = false;

  constructor(path: string) {
    this.socket = connect(path);
    const splitter = new LineSplitter();
    this.socket.setEncoding("utf8").on("data", (chunk: string) => this.lines.push(...splitter.push(chunk)));
    this.socket.on("close", () => {
      this.closed = true;
    });
  }

  async heard(...lines: readonly string[]): Promise<void> {
    await until(`a handle to hear ${lines.join(" ")}`, () => this.lines.length >= lines.length);
    assert.deepEqual(this.lines, lines);
  }
}

const CREATED = '{"event":"created"}';
const STARTED = '{"event":"started"}';

describe("worker", function () {
  before(function () {
    skipWithoutGuest(this);
  });

  it("is process 1 of its namespaces, with a host name of its own, in the VM's cgroup", async () => {
    const guest = await GuestFixture.boot();
    try {
      const { harness } = guest;
      const { runtimeId, cgroup } = harness.system;
      const script = "cat /proc/1/comm; hostname; cat /sys/class/net/lo/operstate; ls /run; ls -A /run/gcs";
      assert.deepEqual((await guest.inVm(script)).stdout.split("\n"), [
        "node",
        `uvm-${runtimeId.slice(0, 8)}`,
        "unknown",
        ...["gcs", "hv", "layers", "mounts", "shares"],
        ...["c", "tmp"],
        "",
      ]);
      // A loopback that is up answers.
      assert.equal(
        (await guest.inVm("ping -c 1 -W 5 127.0.0.1 >/dev/null || ip addr show lo | grep -q LOOPBACK,UP"))
          .status,
        0,
      );
      const pid = harness.workerPid();
      for (const namespace of ["pid", "mnt", "uts", "ipc", "net"]) {
        assert.notEqual(
          readlinkSync(`/proc/${pid}/ns/${namespace}`),
          readlinkSync(`/proc/self/ns/${namespace}`),
        );
      }
      assert.ok(cgroupProcesses(`${cgroup}/gcs`, cgroupHierarchies()).includes(pid));
      for (const line of readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n")) {
        assert.equal(line.split(":")[2], `${cgroup}/gcs`);
      }
    } finally {
      await guest.stop();
    }
  });

  it("keeps none of the host's mounts busy that it does not need", async () => {
    const directory = await makeShortDirectory("rhm-");
    const paths = [directory, join(directory, "below")];
    for (const target of paths) {
      mkdirSync(target, { recursive: true });
      mount({ source: "tmpfs", target, type: "tmpfs" });
    }
    try {
      const guest = await GuestFixture.boot();
      try {
        const mounts = readFileSync(`/proc/${guest.harness.workerPid()}/mountinfo`, "utf8");
        assert.ok(!mounts.includes(directory), mounts);
        const own = parseMountInfo(mounts).map(({ mountPoint }) => mountPoint);
        for (const path of ["/", "/proc", "/dev/pts", "/sys/fs/cgroup", "/run", "/run/shares", "/run/hv"]) {
          assert.ok(own.includes(path), path);
        }
      } finally {
        await guest.stop();
      }
    } finally {
      for (const path of paths.reverse()) unmount(path);
      rmSync(directory, { recursive: true });
    }
  });

  it("tells every handle, also one opened late, what has happened", async () => {
    const harness = await GuestHarness.create();
    try {
      const early = new Handle(harness.paths.controlSocket);
      await early.heard(CREATED);
      const bridge = await harness.start();
      await early.heard(CREATED, STARTED);
      const late = new Handle(harness.paths.controlSocket);
      await late.heard(CREATED, STARTED);
      // Neither a second start nor nonsense changes anything.
      late.socket.write(encodeLine({ op: "start" }));
      late.socket.write('nonsense\n{"op":"stop"}\n');
      await bridge.negotiate();
      await until(
        "the nonsense to be logged",
        () => harness.log.filter((line) => line.includes("ignored")).length === 2,
      );
      await early.heard(CREATED, STARTED);
      for (const handle of [early, late]) handle.socket.destroy();
    } finally {
      await harness.stop();
    }
  });

  it("can be started over any handle", async () => {
    const harness = await GuestHarness.create();
    try {
      const bridge = await harness.listen(LINUX_GUEST_PORT.bridge);
      const other = new Handle(harness.paths.controlSocket);
      other.socket.write(encodeLine({ op: "start" }));
      await other.heard(CREATED, STARTED);
      (await bridge.connection).destroy();
      other.socket.destroy();
    } finally {
      await harness.stop();
    }
  });

  it("boots without entropy and log, and then writes the log into its own file", async () => {
    const harness = await GuestHarness.create();
    try {
      const listener = await harness.listen(LINUX_GUEST_PORT.bridge);
      harness.handle.write(encodeLine({ op: "start" }));
      await listener.connection.then((socket) => socket.destroy());
      await until("the log", () => harness.workerLog().includes("connected to the host"));
      assert.match(harness.workerLog(), /"level":"warning","msg":"no entropy from the host"/);
      assert.match(harness.workerLog(), /"level":"warning","msg":"no log channel to the host"/);
    } finally {
      await harness.stop();
    }
  });

  it("dials until somebody listens", async () => {
    const harness = await GuestHarness.create();
    try {
      harness.handle.write(encodeLine({ op: "start" }));
      await until("the guest to look for its host", () =>
        harness.workerLog().includes("guest agent started"),
      );
      const listener = await harness.listen(LINUX_GUEST_PORT.bridge);
      (await listener.connection).destroy();
    } finally {
      await harness.stop();
    }
  });

  it("ends with everything in it when the last handle is closed", async () => {
    const guest = await GuestFixture.boot();
    const { harness } = guest;
    try {
      await guest.run("c", { args: ["/bin/sleep", "1000"] });
      const other = new Handle(harness.paths.controlSocket);
      await other.heard(CREATED, STARTED);
      harness.handle.destroy();
      // One handle is left.
      await guest.bridge.must("Start", { ContainerId: "c" });
      assert.equal(harness.exitCode(), undefined);
      other.socket.destroy();
      assert.equal(await harness.exited(), 0);
    } finally {
      await guest.stop();
    }
  });

  it("lives on without handles when its document wants it so", async () => {
    const guest = await GuestFixture.boot({ terminateOnLastHandleClosed: false });
    try {
      guest.harness.handle.destroy();
      await guest.bridge.must("Start", { ContainerId: "c" });
      const again = new Handle(guest.harness.paths.controlSocket);
      await again.heard(CREATED, STARTED);
      again.socket.destroy();
      await guest.bridge.must("Start", { ContainerId: "c" });
    } finally {
      await guest.stop();
    }
  });

  for (const message of ["ShutdownForced", "ShutdownGraceful"] as const) {
    it(`powers off on ${message} of the VM, without a response`, async () => {
      const guest = await GuestFixture.boot();
      const { harness, bridge } = guest;
      try {
        const id = bridge.send(message, { ContainerId: NULL_CONTAINER_ID });
        assert.deepEqual(await harness.event("exit"), { event: "exit", exitType: "GracefulExit" });
        assert.equal(await harness.exited(), 0);
        await until("the connection to end", () => bridge.socket.readableEnded || bridge.socket.destroyed);
        assert.equal(bridge.findResponse(id), undefined);
      } finally {
        await guest.stop();
      }
    });
  }

  it("leaves nothing running when it is killed", async () => {
    const guest = await GuestFixture.boot();
    const { harness } = guest;
    try {
      await guest.run("c", { args: ["/bin/sleep", "1000"] });
      const { cgroup } = harness.system;
      const hierarchies = cgroupHierarchies();
      assert.equal(cgroupProcesses(`${cgroup}/pods`, hierarchies).length, 1);
      const ended = once(harness.handle, "close");
      process.kill(harness.workerPid(), "SIGKILL");
      await harness.exited();
      await ended;
      await until("the container to be gone", () => cgroupProcesses(cgroup, hierarchies).length === 0);
      assert.ok(!harness.events.some(({ event }) => event === "exit"));
    } finally {
      await guest.stop();
    }
  });

  it("says why it cannot be created", async () => {
    await assert.rejects(
      GuestHarness.create({ breakSystemFile: true }),
      /cannot create worker: cannot run worker of ".*": cannot read system file ".*system.json": document is not an object/,
    );
  });
});
