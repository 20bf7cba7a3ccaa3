import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type AddressInfo } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { listenBySocket, LINUX_LISTENERS } from "../../../../../shim/agent/guest/linux/listeners.ts";
import { listenOn, type Acceptor } from "../../../../../shim/agent/guest/listen.ts";
import { makeScratchDirectory } from "../../../../support/temp-directory.ts";

/** Sends back what comes. */
const ECHO: Acceptor = {
  onConnection: (connection: Duplex) => void connection.pipe(connection),
  onFailure: (error) => {
    throw error;
  },
};
/** A port that nothing else has. */
const PORT = 1_900_000_000 + process.pid;

describe("listenOn", () => {
  it("serves a unix socket, also where an agent before this one has left its own", async () => {
    const path = join(await makeScratchDirectory("listen-"), "socket");
    (await listenOn(`unix:${path}`, LINUX_LISTENERS, ECHO)).close();
    const listening = await listenOn(`unix:${path}`, LINUX_LISTENERS, ECHO);
    const socket = connect(path);
    socket.end("hello");
    const [chunk] = (await once(socket, "data")) as [Buffer];
    assert.equal(chunk.toString(), "hello");
    listening.close();
  });

  it("takes a vsock port, which is nobody else's then, and gives it back", async () => {
    const listening = await listenOn(`vsock:${PORT}`, LINUX_LISTENERS, ECHO);
    await assert.rejects(listenOn(`vsock:${PORT}`, LINUX_LISTENERS, ECHO), /bind to .*: EADDRINUSE/);
    listening.close();
    (await listenOn(`vsock:${PORT}`, LINUX_LISTENERS, ECHO)).close();
  });

  for (const [address, error] of [
    ["vsock:x", /listen on port "x": it must be a number of 32 bits/],
    ["vsock:-1", /listen on port "-1"/],
    ["vsock:4294967296", /listen on port "4294967296"/],
    ["hyperv:1", /"hyperv:1": it must begin with one of unix, vsock/],
    ["toString:1", /it must begin with one of/],
  ] as const)
    it(`refuses ${address}`, () =>
      assert.rejects(async () => listenOn(address, LINUX_LISTENERS, ECHO), error));
});

describe("listenBySocket", () => {
  it("serves a socket that Node did not make, as it does vsocks", async () => {
    const AF_INET = 2;
    const address = Buffer.alloc(16);
    address.writeUInt16LE(AF_INET, 0);
    address.writeUInt32BE(0x7f00_0001, 4);
    const server = await listenBySocket(address, ECHO);
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.end("through");
    const [chunk] = (await once(socket, "data")) as [Buffer];
    assert.equal(chunk.toString(), "through");
    server.close();
  });
});
