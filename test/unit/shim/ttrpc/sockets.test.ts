/** Client and server on real unix sockets. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { link, rm } from "node:fs/promises";
import { connect as connectSocket, createServer } from "node:net";
import type { Socket } from "node:net";
import { join as joinPath } from "node:path";
import { fileURLToPath } from "node:url";
import { Server, connect, isConnectionClosed } from "../../../../shim/ttrpc/index.ts";
import type { Client, Diagnostic, ServerOptions } from "../../../../shim/ttrpc/index.ts";
import { makeShortDirectory } from "../../../support/temp-directory.ts";
import { until } from "../../../support/until.ts";
import { createDeferred } from "../../../../hcs/deferred.ts";
import { RawPeer } from "./raw-peer.ts";
import { ECHO, Probe } from "./services.ts";
import type { ProbeHandlers } from "./services.ts";

describe("ttrpc on unix sockets", () => {
  let directory: string;
  let path: string;
  let server: Server;
  const diagnostics: Diagnostic[] = [];
  const clients: Client[] = [];

  async function listen(handlers: Partial<ProbeHandlers> = {}, options: ServerOptions = {}): Promise<void> {
    server = new Server({ ...options, onDiagnostic: (diagnostic) => diagnostics.push(diagnostic) });
    server.register(Probe, { ...ECHO, ...handlers });
    await server.listen({ path });
  }

  async function client(): Promise<Client> {
    const made = await connect(path);
    clients.push(made);
    return made;
  }

  async function rawSocket(): Promise<Socket> {
    const socket = connectSocket(path);
    await once(socket, "connect");
    return socket;
  }

  beforeEach(async () => {
    directory = await makeShortDirectory("ttrpc-");
    path = joinPath(directory, "s");
    diagnostics.length = 0;
    clients.length = 0;
  });

  afterEach(async () => {
    for (const made of clients) await made.close();
    await server.close();
    await rm(directory, { recursive: true });
  });

  it("calls and streams", async () => {
    await listen();
    const made = await client();
    assert.equal((await made.call(Probe, "Unary", { typeUrl: "x" })).typeUrl, "x");
    const stream = made.stream(Probe, "Chat");
    await stream.send({ typeUrl: "y" });
    assert.equal((await stream.receive())?.typeUrl, "y");
    await stream.closeSend();
    assert.equal(await stream.receive(), undefined);
  });

  it("carries messages of all sizes both ways, unharmed", async () => {
    await listen();
    const made = await client();
    const sizes = [0, 1, 4085, 4086, 4096, 65_526, 65_536, 1_000_000, 4_194_200];
    await Promise.all(
      sizes.map(async (size, index) => {
        const value = Buffer.alloc(size, index + 1);
        const reply = await made.call(Probe, "Unary", { value });
        assert.ok(value.equals(reply.value), `${size} bytes came back differently`);
      }),
    );
  });

  it("serves many connections at once", async () => {
    await listen();
    const all = await Promise.all(Array.from({ length: 200 }, () => client()));
    await Promise.all(
      all.map(async (made, index) => {
        assert.equal((await made.call(Probe, "Unary", { typeUrl: `${index}` })).typeUrl, `${index}`);
      }),
    );
    assert.equal(server.connectionCount, 200);
    await Promise.all(all.map((made) => made.close()));
    await until("all connections to be forgotten", () => server.connectionCount === 0);
  });

  it("takes connections on which nothing is sent, silently", async () => {
    await listen();
    for (let round = 0; round < 50; round++) (await rawSocket()).destroy();
    await until(
      "50 connections to come and go",
      () => diagnostics.filter(({ kind }) => kind === "connection-closed").length === 50,
    );
    for (const diagnostic of diagnostics) {
      assert.match(diagnostic.kind, /^connection-(opened|closed)$/);
      if (diagnostic.kind === "connection-closed") assert.equal(diagnostic.cause, undefined);
    }
    assert.equal((await (await client()).call(Probe, "Unary", { typeUrl: "x" })).typeUrl, "x");
  });

  it("releases a handler whose client is cut off, and serves the others", async () => {
    const released = createDeferred<unknown>();
    await listen({
      Unary: async (request, { signal }) => {
        if (request.typeUrl !== "wait") return request;
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        released.resolve(signal.reason);
        return {};
      },
    });
    const cut = await client();
    const other = await client();
    const failed = assert.rejects(cut.call(Probe, "Unary", { typeUrl: "wait" }), isConnectionClosed);
    await until("the handler to run", () => server.inFlight === 1);
    await cut.close();
    await failed;
    await released.promise;
    await until("the handler to be done", () => server.inFlight === 0);
    assert.equal((await other.call(Probe, "Unary", { typeUrl: "x" })).typeUrl, "x");
  });

  it("closes the connection of a client that closes only its sending side", async () => {
    await listen({ Unary: () => new Promise(() => {}) });
    const socket = connectSocket({ path, allowHalfOpen: true });
    await once(socket, "connect");
    const peer = new RawPeer(socket);
    peer.request(1, { service: Probe.typeName, method: "Unary" });
    await until("the handler to run", () => server.inFlight === 1);
    socket.end();
    await peer.ended;
    await until("the connection to be forgotten", () => server.connectionCount === 0);
    socket.destroy();
  });

  it("does not grow with a client that sends and never reads", async () => {
    const reply = { value: Buffer.alloc(1_000_000) };
    let calls = 0;
    await listen(
      {
        Unary: () => {
          calls++;
          return reply;
        },
      },
      { maxQueuedBytes: 2_000_000 },
    );
    const socket = await rawSocket();
    const peer = new RawPeer(socket);
    socket.pause();
    const requests = 60;
    for (let index = 0; index < requests; index++) {
      peer.request(2 * index + 1, { service: Probe.typeName, method: "Unary" });
    }
    await until("the server to stop reading", () =>
      diagnostics.some(({ kind }) => kind === "reading-paused"),
    );
    assert.ok(calls < 10, `${calls} replies of 1 MB were made`);
    socket.resume();
    for (let index = 0; index < requests; index++) {
      assert.equal((await peer.nextFrame()).body.length, 1_000_008);
    }
    assert.equal(calls, requests);
    socket.destroy();
  });

  it("says where it could not listen", async () => {
    await listen();
    await assert.rejects(new Server().listen({ path }), {
      message: new RegExp(`^cannot listen on "${path}": listen EADDRINUSE`),
    });
  });

  it("serves a listening socket that somebody else has made", async () => {
    server = new Server().register(Probe, ECHO);
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(path, resolve));
    server.serve(listener);
    assert.equal((await (await client()).call(Probe, "Unary", { typeUrl: "x" })).typeUrl, "x");
    await server.close();
    assert.equal(listener.listening, false);
  });

  it("serves a listening socket that it has inherited", async () => {
    server = new Server();
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(path, resolve));
    const { fd } = (listener as unknown as { _handle: { fd: number } })._handle;
    // Closing the listener here removes its file: another name keeps the socket of the child reachable.
    const kept = joinPath(directory, "kept");
    await link(path, kept);
    const program = fileURLToPath(new URL("fd-server.ts", import.meta.url));
    const child = spawn(process.execPath, ["--import", "tsx", program], {
      stdio: ["pipe", "inherit", "inherit", fd],
    });
    const exited = once(child, "exit");
    listener.close();
    try {
      // The connection waits in the socket's queue until the child accepts it.
      const made = await connect(kept);
      clients.push(made);
      assert.equal((await made.call(Probe, "Unary", { typeUrl: "y" })).typeUrl, "y");
    } finally {
      child.stdin?.end();
      assert.deepEqual(await exited, [0, null]);
    }
  });

  it("closes connections that a stopped server still accepts", async () => {
    server = new Server().register(Probe, ECHO);
    await server.close();
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(path, resolve));
    server.serve(listener);
    assert.equal(listener.listening, false);
  });

  it("shuts down with answers sent and the socket's file gone", async () => {
    const slow = createDeferred<void>();
    await listen({
      Unary: async (request) => {
        await slow.promise;
        return request;
      },
    });
    const made = await client();
    const reply = made.call(Probe, "Unary", { typeUrl: "x" });
    await until("the handler to run", () => server.inFlight === 1);
    const done = server.shutdown(10_000);
    await assert.rejects(connect(path), { message: new RegExp(`^cannot connect to "${path}": `) });
    slow.resolve();
    assert.equal((await reply).typeUrl, "x");
    await done;
    assert.equal(await made.closed, undefined);
  });
});

describe("connect", () => {
  it("says what it could not connect to", async () => {
    await assert.rejects(connect("/tmp/ttrpc-no-such-socket"), {
      message: 'cannot connect to "/tmp/ttrpc-no-such-socket": connect ENOENT /tmp/ttrpc-no-such-socket',
    });
  });

  it("is not begun with a signal that has been aborted", async () => {
    const reason = new Error("enough");
    await assert.rejects(connect("/tmp/ttrpc-no-such-socket", { signal: AbortSignal.abort(reason) }), reason);
  });
});
