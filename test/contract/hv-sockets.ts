/** Contract: Hyper-V sockets between a VM and its host. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { randomUUID } from "node:crypto";
import type { ComputeSystem, HvSocketListener } from "../../hcs/api.ts";
import { LINUX_GUEST_PORT, vsockServiceId } from "../../hcs/schema/hv-socket.ts";
import { isWin32 } from "../../hcs/hresult.ts";
import { createSystem, endSystem, hcsError, type BackendUnderTest } from "./under-test.ts";

const winsock = (code: number) => (error: unknown) => isWin32((error as { hresult: number }).hresult, code);

export function hvSocketContract(under: () => BackendUnderTest): void {
  let system: ComputeSystem;
  let vmId: string;

  beforeEach(async () => {
    system = await createSystem(under());
    vmId = (await system.properties({})).RuntimeId!;
  });
  afterEach(async () => {
    await endSystem(system);
  });

  const listen = (port: number): Promise<HvSocketListener> =>
    under().backend.hvSocket.listen({ vmId, serviceId: vsockServiceId(port) });
  const dial = (port: number): Promise<Duplex> =>
    under()
      .another()
      .hvSocket.connect({ vmId, serviceId: vsockServiceId(port) });

  it("let the guest's boot channels through, in the order it dials them", async () => {
    const ports = [LINUX_GUEST_PORT.entropy, LINUX_GUEST_PORT.log, LINUX_GUEST_PORT.bridge];
    const [entropy, log, bridge] = await Promise.all(ports.map(listen));
    await system.start();
    const seed = await entropy!.accept();
    seed.end(Buffer.alloc(512, 7));
    const lines = await log!.accept();
    const guest = await bridge!.accept();
    guest.destroy();
    // The guest dials its bridge again when it has lost it.
    (await bridge!.accept()).destroy();
    for (const stream of [seed, lines]) stream.destroy();
    await Promise.all([entropy!.close(), log!.close(), bridge!.close()]);
  });

  it("carry bytes both ways, each direction ending by itself", async () => {
    const listener = await listen(5000);
    const [host, guest] = await Promise.all([listener.accept(), dial(5000)]);
    guest.end("from the guest");
    assert.equal(await readAll(host), "from the guest");
    host.end("from the host");
    assert.equal(await readAll(guest), "from the host");
    await listener.close();
  });

  it("keep connections until they are accepted, in order", async () => {
    const listener = await listen(5000);
    const dialled = [await dial(5000), await dial(5000), await dial(5000)];
    dialled.forEach((socket, index) => socket.write(String(index)));
    for (const expected of ["0", "1", "2"]) {
      const socket = await listener.accept();
      const [chunk] = (await once(socket, "data")) as [Buffer];
      assert.equal(chunk.toString(), expected);
      socket.destroy();
    }
    for (const socket of dialled) socket.destroy();
    await listener.close();
  });

  it("keep the end of a connection that ended before it was accepted", async () => {
    const [listener, other] = [await listen(5000), await listen(5001)];
    const guest = await dial(5000);
    guest.end();
    // A round trip beside it: then the end has arrived.
    const [near, far] = await Promise.all([other.accept(), dial(5001)]);
    far.end("ping");
    assert.equal(await readAll(near), "ping");
    const host = await listener.accept();
    assert.equal(await readAll(host), "");
    for (const socket of [guest, near, far, host]) socket.destroy();
    await Promise.all([listener.close(), other.close()]);
  });

  it("stop waiting for a connection when told so, and lose none by it", async () => {
    const listener = await listen(5000);
    const reason = new Error("budget is spent");
    const abort = new AbortController();
    const accepting = listener.accept({ signal: abort.signal });
    abort.abort(reason);
    await assert.rejects(accepting, reason);
    const [guest, host] = await Promise.all([dial(5000), listener.accept()]);
    guest.destroy();
    host.destroy();
    await listener.close();
  });

  it("reject who waits when the listener is closed, and drop who was not accepted", async () => {
    const listener = await listen(5000);
    const guest = await dial(5000);
    const other = await listen(5001);
    const waiting = assert.rejects(
      other.accept(),
      hcsError((error) => (error as { hresult: number }).hresult === 0x8000_4004),
    );
    await Promise.all([listener.close(), other.close()]);
    await waiting;
    assert.equal(await readAll(guest), "");
    guest.destroy();
    await assert.rejects(listener.accept(), /listener is closed/);
    await assert.rejects(dial(5000), hcsError(winsock(10061)));
  });

  it("have one listener per service", async () => {
    const listener = await listen(5000);
    await assert.rejects(listen(5000), hcsError(winsock(10048), vmId));
    await listener.close();
    await (await listen(5000)).close();
  });

  it("know the VMs there are", async () => {
    const { hvSocket } = under().backend;
    const address = { vmId: randomUUID(), serviceId: vsockServiceId(1) };
    await assert.rejects(hvSocket.listen(address), hcsError(winsock(10049), address.vmId));
    await assert.rejects(hvSocket.connect(address), hcsError(winsock(10051), address.vmId));
    await assert.rejects(hvSocket.connect({ ...address, vmId: "../.." }), /lower-case GUID/);
  });

  it("end with the VM", async () => {
    const listener = await listen(LINUX_GUEST_PORT.entropy);
    await system.start();
    const entropy = await listener.accept();
    const rest = readAll(entropy);
    await system.terminate();
    await system.exited;
    assert.equal(await rest, "");
    entropy.destroy();
    await listener.close();
  });
}

/** Everything up to the end of file. The direction back stays open. */
async function readAll(stream: Duplex): Promise<string> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(stream, "end");
  return Buffer.concat(chunks).toString();
}
