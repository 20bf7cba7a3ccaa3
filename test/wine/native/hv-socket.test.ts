/** Hyper-V sockets of the Windows backend on Wine's Winsock, carried by TCP because Wine has no AF_HYPERV. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { HvSocketAddress, HvSocketListener } from "../../../hcs/api.ts";
import { isWin32 } from "../../../hcs/hresult.ts";
import { vsockServiceId } from "../../../hcs/schema/hv-socket.ts";
import type { StreamKind } from "../../../hcs/win32/hvsocket/adopt.ts";
import { Win32HvSocket } from "../../../hcs/win32/hvsocket/hv-socket.ts";
import { HYPERV } from "../../../hcs/win32/hvsocket/family.ts";
import { loopbackFamily } from "../../../hcs/win32/hvsocket/loopback.ts";
import { hcsError } from "../../contract/under-test.ts";

const winsock = (code: number) => (error: unknown) => isWin32((error as { hresult: number }).hresult, code);
const KINDS: readonly StreamKind[] = ["adopt", "events"];

for (const streams of KINDS) {
  describe(`Win32HvSocket, streams by ${streams}`, () => {
    const vmId = randomUUID();
    let directory: string;
    let sockets: Win32HvSocket;

    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), "hv-"));
      sockets = new Win32HvSocket({ family: loopbackFamily(directory), streams });
    });
    afterEach(async () => {
      await sockets.close();
      rmSync(directory, { recursive: true, force: true });
    });

    const address = (port: number): HvSocketAddress => ({ vmId, serviceId: vsockServiceId(port) });
    const listen = (port: number): Promise<HvSocketListener> => sockets.listen(address(port));
    const dial = (port: number): Promise<Duplex> => sockets.connect(address(port));

    it("carry bytes both ways, each direction ending by itself", async () => {
      const listener = await listen(1);
      const [host, guest] = await Promise.all([listener.accept(), dial(1)]);
      guest.end("from the guest");
      assert.equal((await readAll(host)).toString(), "from the guest");
      host.end("from the host");
      assert.equal((await readAll(guest)).toString(), "from the host");
      await listener.close();
    });

    it("carry more than fits between them, unchanged", async () => {
      const listener = await listen(1);
      const [host, guest] = await Promise.all([listener.accept(), dial(1)]);
      const sent = Buffer.alloc(5 * 1024 ** 2, "0123456789abcdef-");
      const pieces = [guest, host].map((stream) => pipeline(piecesOf(sent), stream));
      const [received] = await Promise.all([Promise.all([readAll(host), readAll(guest)]), ...pieces]);
      for (const bytes of received) assert.equal(difference(bytes, sent), "none");
      await listener.close();
    });

    it("keep connections until they are accepted, in order", async () => {
      const listener = await listen(1);
      const dialled: Duplex[] = [];
      for (const text of ["0", "1", "2"]) {
        const socket = await dial(1);
        socket.write(text);
        dialled.push(socket);
      }
      for (const expected of ["0", "1", "2"]) {
        const socket = await listener.accept();
        const [chunk] = (await once(socket, "data")) as [Buffer];
        assert.equal(chunk.toString(), expected);
        socket.destroy();
      }
      for (const socket of dialled) socket.destroy();
      await listener.close();
    });

    it("stop waiting for a connection when told so, and lose none by it", async () => {
      const listener = await listen(1);
      const reason = new Error("budget is spent");
      const abort = new AbortController();
      const accepting = listener.accept({ signal: abort.signal });
      abort.abort(reason);
      await assert.rejects(accepting, reason);
      const [guest, host] = await Promise.all([dial(1), listener.accept()]);
      guest.destroy();
      host.destroy();
      await listener.close();
    });

    it("reject who waits when the listener is closed, and drop who was not accepted", async () => {
      const [listener, other] = [await listen(1), await listen(2)];
      const guest = await dial(1);
      const waiting = assert.rejects(
        other.accept(),
        hcsError((error) => (error as { hresult: number }).hresult === 0x8000_4004, "listener is closed"),
      );
      await Promise.all([listener.close(), other.close()]);
      await waiting;
      await ended(guest);
      await assert.rejects(listener.accept(), /listener is closed/);
      await assert.rejects(dial(1), hcsError(winsock(10061), "nobody listens there"));
    });

    it("tell the other side when they are destroyed", async () => {
      const listener = await listen(1);
      const [host, guest] = await Promise.all([listener.accept(), dial(1)]);
      host.destroy();
      await ended(guest);
      await listener.close();
    });

    it("refuse what is no address, naming it", async () => {
      const wrong = { vmId: "../..", serviceId: vsockServiceId(1) };
      await assert.rejects(sockets.listen(wrong), /"..\/.." is not a lower-case GUID/);
      await assert.rejects(sockets.connect(wrong), /"..\/.." is not a lower-case GUID/);
    });

    it("unlist a listener that is closed", async () => {
      const listener = await listen(1);
      const file = join(directory, vmId, vsockServiceId(1));
      assert.ok(existsSync(file));
      await listener.close();
      assert.ok(!existsSync(file));
    });
  });
}

describe("Win32HvSocket", () => {
  it("says that there are no Hyper-V sockets where there are none", async () => {
    const sockets = new Win32HvSocket({ family: HYPERV });
    const address = { vmId: randomUUID(), serviceId: vsockServiceId(1) };
    const refused = hcsError(winsock(10047), "install the Hyper-V feature", address.vmId);
    await assert.rejects(sockets.listen(address), refused);
    await assert.rejects(sockets.connect(address), refused);
  });

  it("cannot register a container where there is no HvSocket driver", async () => {
    const container = { vmId: randomUUID(), systemId: randomUUID() };
    await assert.rejects(
      new Win32HvSocket({ family: HYPERV }).registerContainer(container),
      hcsError((error) => (error as { hresult: number }).hresult !== 0, container.systemId),
    );
  });
});

/** Told by the other side's end, or by its reset. */
async function ended(stream: Duplex): Promise<void> {
  stream.on("error", () => undefined).resume();
  await Promise.race([once(stream, "end"), once(stream, "close")]);
  stream.destroy();
}

async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(stream, "end");
  return Buffer.concat(chunks);
}

/**
 * Small enough to go at once when the other side reads: Wine loses the rest of an overlapped write that it has to do in several steps (seen
 * with pieces of megabytes).
 */
const PIECE_BYTES = 64 * 1024;

function* piecesOf(bytes: Buffer): Iterable<Buffer> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}

/** Where two texts differ, for people. */
function difference(actual: Buffer, expected: Buffer): string {
  if (actual.equals(expected)) return "none";
  const at = expected.findIndex((byte, index) => actual[index] !== byte);
  const around = (bytes: Buffer): string => bytes.toString("latin1", at, at + 40);
  return `${actual.length} bytes instead of ${expected.length}; at ${at} "${around(actual)}" instead of "${around(expected)}"`;
}
