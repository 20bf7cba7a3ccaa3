import assert from "node:assert/strict";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { LINUX_GUEST } from "../../../../../hcs/emulator/guest/handlers.ts";
import type { Agent } from "../../../../../hcs/emulator/guest/agent.ts";
import { BridgeServer } from "../../../../../hcs/emulator/guest/bridge-server.ts";
import { GuestError, RESULT } from "../../../../../hcs/emulator/guest/errors.ts";
import type { Log } from "../../../../../hcs/emulator/guest/log.ts";
import { createDeferred, type Deferred } from "../../../../../hcs/deferred.ts";
import { NULL_CONTAINER_ID } from "../../../../../hcs/guest/protocol.ts";
import { GuestBridge } from "../../../../support/guest-bridge.ts";
import { makeShortDirectory } from "../../../../support/temp-directory.ts";
import { until } from "../../../../support/until.ts";

const SILENT: Log = {
  debug: () => undefined,
  info: () => undefined,
  warning: () => undefined,
  error: () => undefined,
};

/** An agent of which only waits for processes of the VM, and power-off, are used. */
class FakeAgent {
  readonly waits = new Map<number, Deferred<number>>();
  poweredOff = 0;
  readonly options = { powerOff: (): void => void (this.poweredOff += 1) };

  waitForVmProcess(pid: number): Promise<number> {
    const wait = createDeferred<number>();
    this.waits.set(pid, wait);
    return wait.promise;
  }
}

describe("BridgeServer", () => {
  let directory: string;
  let listener: Server;
  let agent: FakeAgent;
  let server: BridgeServer<Agent>;
  let bridge: GuestBridge;
  let served: Promise<void>;

  beforeEach(async () => {
    directory = await makeShortDirectory("bridge-");
    listener = createServer({ allowHalfOpen: true });
    listener.listen(join(directory, "s"));
    agent = new FakeAgent();
    server = new BridgeServer(agent as unknown as Agent, LINUX_GUEST, SILENT);
    bridge = await connectHost();
  });

  afterEach(async () => {
    await bridge.close();
    await served;
    listener.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function connectHost(firstId = 0n): Promise<GuestBridge> {
    const guest = connect({ path: join(directory, "s"), allowHalfOpen: true }).pause();
    const [host] = (await once(listener, "connection")) as [Socket];
    served = server.serve(guest);
    return new GuestBridge(host, firstId);
  }

  function sendWait(pid: number): bigint {
    return bridge.send("WaitForProcess", { ContainerId: NULL_CONTAINER_ID, ProcessId: pid, TimeoutInMs: 1 });
  }

  async function wait(pid: number): Promise<Deferred<number>> {
    return until(`a wait for ${pid}`, () => agent.waits.get(pid));
  }

  it("hands requests to handlers side by side, and answers in the order of completion", async () => {
    await bridge.negotiate();
    const ids = [sendWait(1), sendWait(2), sendWait(3)];
    (await wait(2)).resolve(22);
    (await wait(3)).reject(new GuestError(RESULT.timeout, "no"));
    assert.equal((await bridge.response(ids[1] ?? -1n)).body["ExitCode"], 22);
    assert.equal((await bridge.response(ids[2] ?? -1n)).result, 0xc0370109);
    (await wait(1)).resolve(11);
    await bridge.response(ids[0] ?? -1n);
    assert.deepEqual(
      bridge.received.slice(1).map(({ id }) => id),
      [ids[1], ids[2], ids[0]],
    );
  });

  it("leaves the activity out when the request had none", async () => {
    await bridge.negotiate();
    bridge.sendAs(7n, "Start", '{"ContainerId":"x"}');
    assert.deepEqual((await bridge.response(7n)).body, { Result: 0 });
  });

  it("answers nothing when the VM powers off", async () => {
    await bridge.negotiate();
    const off = bridge.send("ShutdownForced", { ContainerId: NULL_CONTAINER_ID });
    await bridge.must("Start", { ContainerId: "x" });
    assert.equal(agent.poweredOff, 1);
    assert.equal(bridge.findResponse(off), undefined);
  });

  it("keeps answers and notifications for the next connection, until that has negotiated", async () => {
    await bridge.negotiate();
    const id = sendWait(1);
    const pending = await wait(1);
    await bridge.close();
    await served;
    pending.resolve(5);
    await new Promise((resolve) => setImmediate(resolve));
    server.notify({ ContainerId: "c", Type: "UnexpectedExit", Operation: "None", Result: 0 });
    bridge = await connectHost(100n);
    assert.equal((await bridge.call("Start", { ContainerId: "x" })).result, 0x80004001);
    assert.equal(bridge.received.length, 1);
    await bridge.negotiate();
    assert.equal((await bridge.response(id)).body["ExitCode"], 5);
    await bridge.notification("c");
    assert.deepEqual(
      bridge.received.map(({ id: one }) => one),
      [100n, 101n, id, 0n],
    );
  });

  it("serves no more requests while the host does not take the answers", async () => {
    await bridge.negotiate();
    bridge.socket.pause();
    const body = { ContainerId: "x", ActivityId: "a".repeat(60_000) };
    for (let index = 0; index < 200; index += 1) bridge.send("Start", body);
    await until("the guest to stop", () => bridge.socket.writableNeedDrain);
    bridge.socket.resume();
    await bridge.must("Start", { ContainerId: "x" });
    assert.equal(bridge.received.length, 202);
  });

  it("ends when the host breaks the format, half-closes, or goes", async () => {
    bridge.socket.write(Buffer.alloc(16));
    await served;
    bridge = await connectHost();
    bridge.socket.end();
    await served;
    bridge = await connectHost();
    bridge.socket.destroy();
    await served;
    bridge = await connectHost();
    await bridge.negotiate();
  });
});
