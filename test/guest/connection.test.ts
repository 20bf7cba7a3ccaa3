import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { HvSocketListener } from "../../hcs/api.ts";
import { encodeLine } from "../../hcs/emulator/worker/messages.ts";
import {
  acceptOne,
  addCombinedLayers,
  addMappedDirectory,
  GuestConnection,
  readGuestLog,
  removeCombinedLayers,
  serveEntropy,
  type GuestContainer,
  type GuestLogRecord,
  type LinuxContainerConfig,
} from "../../hcs/guest/index.ts";
import { LINUX_GUEST_PORT, vsockServiceId } from "../../hcs/schema/hv-socket.ts";
import { GuestHarness, skipWithoutGuest } from "../support/guest-harness.ts";
import { containerSpec, execProcess, makeRootfs } from "../support/guest-rootfs.ts";

const BASE_LAYER = "/run/layers/base";

/** The shim's side of a VM: listeners where the guest dials, boot channels served, connection negotiated. */
class Host {
  readonly harness: GuestHarness;
  readonly connection: GuestConnection;
  readonly log: GuestLogRecord[];
  /** Settles at the end of the guest's log. */
  readonly logDone: Promise<void>;

  private constructor(harness: GuestHarness, bridge: Duplex, log: GuestLogRecord[], logDone: Promise<void>) {
    this.harness = harness;
    this.log = log;
    this.logDone = logDone;
    this.connection = GuestConnection.open(bridge, {
      os: "linux",
      name: harness.system.id,
      listen: (serviceId) => listen(harness, serviceId),
    });
  }

  static async boot(): Promise<Host> {
    const harness = await GuestHarness.create();
    const guest = harness.system.id;
    const [entropy, log, bridge] = await Promise.all(
      [LINUX_GUEST_PORT.entropy, LINUX_GUEST_PORT.log, LINUX_GUEST_PORT.bridge].map((port) =>
        listen(harness, vsockServiceId(port)),
      ),
    );
    harness.handle.write(encodeLine({ op: "start" }));
    const records: GuestLogRecord[] = [];
    const [logStream] = await Promise.all([acceptOne(log!, { guest }), serveEntropy(entropy!, { guest })]);
    const logDone = readGuestLog(logStream, {
      guest,
      onRecord: (record) => records.push(record),
      onTerminated: (text) => assert.fail(`the guest's log is no log: ${text}`),
    });
    const host = new Host(harness, await acceptOne(bridge!, { guest }), records, logDone);
    await host.connection.negotiate();
    const rootfs = join(harness.directory, "rootfs");
    mkdirSync(rootfs);
    makeRootfs(rootfs);
    harness.share("base", rootfs);
    const share = { MountPath: BASE_LAYER, Port: LINUX_GUEST_PORT.plan9, ShareName: "base", ReadOnly: true };
    await host.connection.modify(addMappedDirectory(share));
    return host;
  }

  /** A created container with a root file system of its own. */
  async create(id: string, args: readonly string[], terminal = false): Promise<GuestContainer> {
    const bundle = `/run/gcs/c/${id}`;
    await this.connection.modify(
      addCombinedLayers({
        ContainerID: id,
        ContainerRootPath: `${bundle}/rootfs`,
        Layers: [{ Path: BASE_LAYER }],
        ScratchPath: `${bundle}/scratch/${id}`,
      }),
    );
    const config: LinuxContainerConfig = {
      SchemaVersion: { Major: 2, Minor: 1 },
      OciBundlePath: bundle,
      OciSpecification: containerSpec({ rootfs: `${bundle}/rootfs`, args, terminal }),
      ScratchDirPath: `${bundle}/scratch/${id}`,
    };
    const container = await this.connection.createContainer(id, config);
    await container.start();
    return container;
  }

  async remove(container: GuestContainer): Promise<void> {
    await this.connection.modify(removeCombinedLayers(`/run/gcs/c/${container.id}/rootfs`));
    await container.deleteState();
  }

  async stop(): Promise<void> {
    await this.connection.close();
    await this.harness.stop();
    await this.logDone;
  }
}

async function listen(harness: GuestHarness, serviceId: string): Promise<HvSocketListener> {
  const server = createServer({ allowHalfOpen: true });
  const connected = once(server, "connection") as Promise<[Socket]>;
  server.listen(join(harness.system.sockets, serviceId));
  await once(server, "listening");
  return {
    accept: async () => (await connected)[0],
    close: async () => void (server.listening && server.close()),
  };
}

describe("GuestConnection with the emulated guest", function () {
  let host: Host;

  before(async function () {
    skipWithoutGuest(this);
    host = await Host.boot();
  });

  after(() => host?.stop());

  it("learns what the guest can do, and hears its log", async () => {
    assert.equal(host.connection.capabilities.RuntimeOsType, "Linux");
    assert.equal(host.connection.canAddNetwork, true);
    assert.match(await host.connection.dumpStacks(), /\S/);
    assert.ok(host.log.length > 0);
    assert.ok(host.log.every(({ message }) => message !== ""));
  });

  it("runs a container from its creation to the end of its state", async () => {
    const container = await host.create("web", ["/bin/sh", "-c", "cat; echo oops >&2; exit 3"]);
    const init = await container.createProcess({
      CreateStdInPipe: true,
      CreateStdOutPipe: true,
      CreateStdErrPipe: true,
    });
    const output = Promise.all([buffer(init.stdio.stdout!), buffer(init.stdio.stderr!)]);
    init.stdio.stdin!.write("hello");

    const exec = await container.createProcess({
      CreateStdOutPipe: true,
      OciProcess: execProcess(["/bin/sh", "-c", "id -u; exit 7"]),
    });
    assert.equal((await buffer(exec.stdio.stdout!)).toString(), "0\n");
    assert.deepEqual(await exec.exited, { exitCode: 7 });
    await exec.close();

    const { ProcessList, LCOWMetrics } = await container.properties({
      PropertyTypes: ["ProcessList", "Statistics"],
    });
    assert.ok(ProcessList?.some(({ ProcessId }) => ProcessId === init.processId));
    assert.ok(Number(LCOWMetrics?.pids?.current) >= 1);

    await init.closeStdin();
    assert.deepEqual((await output).map(String), ["hello", "oops\n"]);
    assert.deepEqual(await init.exited, { exitCode: 3 });
    assert.deepEqual(await container.exited, { type: "UnexpectedExit" });
    assert.equal(await init.signal(15), "gone");
    assert.equal(await container.terminate(), "gone");
    await init.close();
    await host.remove(container);
  });

  it("hears of the exit although nobody wanted the output", async () => {
    const container = await host.create("noisy", ["/bin/sh", "-c", "exec dd if=/dev/zero bs=64k count=256"]);
    const init = await container.createProcess({ CreateStdOutPipe: true, CreateStdErrPipe: true });
    init.stdio.stdout!.destroy();
    init.stdio.stderr!.destroy();
    assert.deepEqual(await init.exited, { exitCode: 0 });
    await container.exited;
    await init.close();
    await host.remove(container);
  });

  it("hears of the exit of a process it has let go of", async () => {
    const container = await host.create("left", ["/bin/sh", "-c", "while :; do echo y; done"]);
    const init = await container.createProcess({ CreateStdOutPipe: true });
    await once(init.stdio.stdout!, "data");
    await init.close();
    assert.equal(await container.terminate(), "delivered");
    assert.deepEqual(await container.exited, { type: "ForcedExit" });
    assert.deepEqual(await init.exited, { exitCode: 137 });
    await host.remove(container);
  });

  it("signals, resizes and closes a terminal", async () => {
    const container = await host.create(
      "tty",
      ["/bin/sh", "-c", 'trap "stty size; exit 4" TERM; echo ready; while :; do sleep 0.05; done'],
      true,
    );
    const init = await container.createProcess({ CreateStdInPipe: true, CreateStdOutPipe: true });
    let text = "";
    init.stdio.stdout!.on("data", (chunk: Buffer) => (text += chunk.toString()));
    while (!text.includes("ready")) await once(init.stdio.stdout!, "data");
    await init.resize({ height: 50, width: 160 });
    assert.equal(await init.signal(15), "delivered");
    assert.deepEqual(await init.exited, { exitCode: 4 });
    if (!init.stdio.stdout!.readableEnded) await once(init.stdio.stdout!, "end");
    assert.match(text, /50 160/);
    await init.close();
    await host.remove(container);
  });

  it("says what runc said when a program is missing", async () => {
    await assert.rejects(host.create("missing", ["/nope"]), (error: Error) => {
      assert.match(
        error.message,
        /^cannot create guest container "missing": 0x80004005 \(E_FAIL\): .*\/nope/s,
      );
      return true;
    });
  });

  it("runs a process of the VM itself", async () => {
    const process = await host.connection.createProcess({
      CommandArgs: ["/bin/sh", "-c", "cat; exit 5"],
      CreateStdInPipe: true,
      CreateStdOutPipe: true,
    });
    process.stdio.stdin!.end("through");
    assert.equal((await buffer(process.stdio.stdout!)).toString(), "through");
    assert.deepEqual(await process.exited, { exitCode: 5 });
    await process.close();
  });

  it("loses everything at once when the VM crashes", async () => {
    const container = await host.create("last", ["/bin/sleep", "1000"]);
    const init = await container.createProcess({ CreateStdOutPipe: true });
    process.kill(host.harness.workerPid(), "SIGKILL");
    await assert.rejects(init.exited, { symbol: "HCS_E_CONNECTION_CLOSED" });
    assert.deepEqual(await container.exited, { type: "ConnectionLost" });
    assert.equal((await host.connection.closed).cause, "lost");
    await host.logDone;
    await init.close();
  });
});
