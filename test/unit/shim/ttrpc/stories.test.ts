/**
 * Faults that other implementations had, each named after the public issue where it was found. What went wrong there
 * must not go wrong here.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect as connectSocket, createServer } from "node:net";
import type { Socket } from "node:net";
import { Duplex, duplexPair } from "node:stream";
import { join as joinPath } from "node:path";
import {
  Client,
  Code,
  MAX_MESSAGE_LENGTH,
  Server,
  isConnectionClosed,
} from "../../../../shim/ttrpc/index.ts";
import type { Diagnostic } from "../../../../shim/ttrpc/index.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { makeShortDirectory } from "../../../support/temp-directory.ts";
import { createDeferred } from "../../../../hcs/deferred.ts";
import { RawPeer, settle } from "./raw-peer.ts";
import { ECHO, Probe, any, callUnary, nameIn, serve } from "./services.ts";

/** Two ends of a real socket, whose buffers are as small as the kernel's. */
async function socketPair(directory: string): Promise<readonly [Socket, Socket]> {
  const listener = createServer();
  const path = joinPath(directory, "s");
  await new Promise<void>((resolve) => listener.listen(path, resolve));
  const near = connectSocket(path);
  const [[far]] = (await Promise.all([once(listener, "connection"), once(near, "connect")])) as [
    [Socket],
    unknown,
  ];
  listener.close();
  return [near, far];
}

describe("Client, warned by others' faults", () => {
  let directory: string;
  before(async () => {
    directory = await makeShortDirectory("ttrpc-");
  });
  after(async () => {
    await rm(directory, { recursive: true });
  });

  it("keeps reading while a write is blocked (ttrpc#72, #94, #168)", async () => {
    const [near, far] = await socketPair(directory);
    // This server takes nothing more while its own answers are not read: had the client stopped reading because it
    // cannot write, both would wait for ever.
    const server = new Server({ maxQueuedBytes: 100_000 }).register(Probe, ECHO);
    server.handleConnection(far);
    const client = new Client(near, { highWaterBytes: 100_000, maxQueuedBytes: 1e9, writeStallMs: 5000 });
    const value = Buffer.alloc(500_000, 1);
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, index) => client.call(Probe, "Unary", { typeUrl: `${index}`, value })),
    );
    for (const [index, reply] of replies.entries()) {
      assert.equal(reply.typeUrl, `${index}`);
      assert.equal(reply.value.length, value.length);
    }
    await client.close();
    await server.close();
  });

  it("lets a call expire while its connection is stuck in a write (ttrpc#174)", async () => {
    const clock = new ManualClock();
    const client = new Client(new Duplex({ read: () => {}, write: () => {} }), {
      clock,
      writeStallMs: 60_000,
    });
    const blocked = client.call(Probe, "Unary", { value: Buffer.alloc(1_000_000) }, { timeoutMs: 90_000 });
    const closed = assert.rejects(blocked, isConnectionClosed);
    await settle();
    const failed = assert.rejects(client.call(Probe, "Unary", {}, { timeoutMs: 5000 }), {
      code: Code.DeadlineExceeded,
    });
    await clock.advance(5000);
    await failed;
    // And the connection itself does not stay stuck for hours.
    await clock.advance(55_000);
    await closed;
    assert.match(String(await client.closed), /peer has not read for 60000 ms/);
  });

  it('says "ttrpc: closed" when it is closed while it waits for an answer (ttrpc#137)', async () => {
    const [near] = duplexPair();
    const client = new Client(near);
    const failed = assert.rejects(client.call(Probe, "Unary", {}), { message: "ttrpc: closed" });
    await client.close();
    await failed;
    await assert.rejects(client.call(Probe, "Unary", {}), { message: "ttrpc: closed" });
  });

  it("drops answers to calls that were given up, quietly (ttrpc#117, containerd#8981, #12344)", async () => {
    const clock = new ManualClock();
    const [near, far] = duplexPair();
    const peer = new RawPeer(far);
    const diagnostics: Diagnostic[] = [];
    const client = new Client(near, { clock, onDiagnostic: (diagnostic) => diagnostics.push(diagnostic) });
    const failures = Promise.all(
      Array.from({ length: 100 }, () =>
        assert.rejects(client.call(Probe, "Unary", {}, { timeoutMs: 10_000 }), {
          code: Code.DeadlineExceeded,
        }),
      ),
    );
    await settle();
    await clock.advance(10_000);
    await failures;
    assert.equal(client.inFlight, 0);
    for (let index = 0; index < 100; index++) peer.respond(2 * index + 1, { payload: any("late") });
    await settle();
    assert.equal(diagnostics.filter(({ kind }) => kind === "frame-ignored").length, 100);
    assert.equal(near.destroyed, false);
  });

  it("keeps nothing of streams that were given up (ttrpc PR 235)", async () => {
    const [near, far] = duplexPair();
    const peer = new RawPeer(far);
    const client = new Client(near);
    for (let index = 0; index < 100; index++) client.stream(Probe, "Chat").cancel();
    assert.equal(client.inFlight, 0);
    await settle();
    for (let index = 0; index < 100; index++) peer.data(2 * index + 1, any("late"));
    const reply = client.call(Probe, "Unary", {});
    await settle();
    peer.respond(201, { payload: any("answer") });
    assert.equal((await reply).typeUrl, "answer");
  });

  it("survives frames for a stream that is being closed (containerd#8390)", async () => {
    const [near, far] = duplexPair();
    const peer = new RawPeer(far);
    const client = new Client(near);
    const stream = client.stream(Probe, "Chat");
    await peer.nextRequest();
    for (let index = 0; index < 50; index++) peer.data(1, any(`${index}`));
    await stream.receive();
    stream.cancel();
    for (let index = 0; index < 50; index++) peer.data(1, any(`${index}`));
    peer.respond(1, { status: { code: 1, message: "gone", details: [] } });
    const reply = client.call(Probe, "Unary", {});
    await settle();
    peer.respond(3, {});
    await reply;
  });

  it("is not stalled by a stream that nobody reads (ttrpc#229)", async () => {
    const [near, far] = duplexPair();
    const peer = new RawPeer(far);
    const client = new Client(near);
    client.stream(Probe, "Chat");
    await peer.nextRequest();
    for (let index = 0; index < 1000; index++) peer.data(1, any("unread"));
    const reply = client.call(Probe, "Unary", {});
    await settle();
    peer.respond(3, {});
    await reply;
    await client.close();
  });

  it("survives an answer that is too long (containerd 1.6 ended with it)", async () => {
    const [near, far] = duplexPair();
    const peer = new RawPeer(far);
    const client = new Client(near);
    const failed = assert.rejects(client.call(Probe, "Unary", {}), { code: Code.ResourceExhausted });
    await peer.nextRequest();
    peer.send(1, 2, 0, Buffer.alloc(5 * 1024 * 1024));
    await failed;
    const reply = client.call(Probe, "Unary", {});
    peer.respond(3, {});
    await reply;
  });

  for (const code of ["EIO", "ECONNRESET", "EPIPE"]) {
    it(`takes a read error ${code} for the end of the connection (containerd#12669)`, async () => {
      const stream = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
      const client = new Client(stream);
      const failed = assert.rejects(client.call(Probe, "Unary", {}), isConnectionClosed);
      const error = Object.assign(new Error(`read ${code}`), { code });
      stream.destroy(error);
      await failed;
      assert.equal(await client.closed, error);
    });
  }
});

describe("Server, warned by others' faults", () => {
  it("forgets streams that have ended (ttrpc#120)", async () => {
    const { peer, server, diagnostics } = serve();
    for (let index = 0; index < 1000; index++) {
      const id = 2 * index + 1;
      peer.request(id, { service: Probe.typeName, method: "Chat" }, 2);
      peer.halfClose(id);
    }
    for (let index = 0; index < 1000; index++) assert.equal((await peer.nextFrame()).flags, 5);
    await settle();
    assert.equal(server.inFlight, 0);
    for (let index = 0; index < 1000; index++) peer.halfClose(2 * index + 1);
    await settle();
    assert.equal(diagnostics.filter(({ kind }) => kind === "frame-ignored").length, 1000);
    assert.deepEqual(peer.pending, []);
  });

  it("is not stalled by a stream that nobody reads (ttrpc#229)", async () => {
    const clock = new ManualClock();
    const { peer } = serve({ Upload: () => new Promise(() => {}) }, { clock, streamQueueBytes: 5000 });
    peer.request(1, { service: Probe.typeName, method: "Upload" }, 2);
    for (let index = 0; index < 1000; index++) peer.data(1, any("unread"));
    callUnary(peer, 3, "waits");
    await settle();
    await clock.advance(1000);
    assert.equal((await peer.nextResponse()).code, Code.ResourceExhausted);
    assert.equal(nameIn((await peer.nextResponse()).payload), "waits");
  });

  it("survives data for streams it does not have (ttrpc#223, crash of 1.2.0 to 1.2.7)", async () => {
    const slow = createDeferred<void>();
    const { peer } = serve({
      Unary: async (request) => {
        if (request.typeUrl === "slow") await slow.promise;
        return request;
      },
    });
    callUnary(peer, 1, "slow");
    for (const id of [0, 1, 2, 3, 0xffff_ffff]) {
      peer.data(id, any("x"));
      peer.halfClose(id);
    }
    slow.resolve();
    const answered = new Set<string>();
    // Two refusals for each id that cannot be a stream, and the answer.
    for (let frames = 0; frames < 9; frames++) {
      const { streamId, code } = await peer.nextResponse();
      answered.add(`${streamId}:${code}`);
    }
    assert.deepEqual([...answered].sort(), ["0:3", "1:0", "2:3", "3:3", "4294967295:3"]);
  });

  it("releases what a stream held when its handler is done (ttrpc#231)", async () => {
    const clock = new ManualClock();
    const { peer, server } = serve({}, { clock });
    for (let index = 0; index < 100; index++) {
      const id = 2 * index + 1;
      const request = { service: Probe.typeName, method: "Chat", timeoutNano: 3_600_000_000_000n };
      peer.request(id, request, 2);
      peer.halfClose(id);
      assert.equal((await peer.nextFrame()).flags, 5);
    }
    await settle();
    assert.equal(server.inFlight, 0);
    assert.deepEqual(clock.pending, []);
  });

  it("finds the entry of a stream whose handler is done at once", async () => {
    const { peer, server, diagnostics } = serve({ Upload: () => ({ typeUrl: "done" }) });
    peer.request(1, { service: Probe.typeName, method: "Upload" }, 2);
    assert.equal(nameIn((await peer.nextResponse()).payload), "done");
    await settle();
    assert.equal(server.inFlight, 0);
    peer.halfClose(1);
    await settle();
    assert.equal(diagnostics.at(-1)?.kind, "frame-ignored");
  });

  it("gives an empty request to a method that gives a stream (hung before 1.2.3)", async () => {
    const { peer } = serve({
      Download: async function* () {
        yield { typeUrl: "a" };
      },
    });
    peer.request(1, { service: Probe.typeName, method: "Download" }, 1);
    assert.equal(nameIn((await peer.nextFrame()).body), "a");
  });

  it("keeps the connection when a reply is too long (1.2.6 and later close it)", async () => {
    const slow = createDeferred<void>();
    const { peer } = serve({
      Unary: async (request) => {
        if (request.typeUrl === "slow") await slow.promise;
        return request.typeUrl === "long" ? { value: Buffer.alloc(MAX_MESSAGE_LENGTH) } : request;
      },
    });
    callUnary(peer, 1, "slow");
    callUnary(peer, 3, "long");
    assert.deepEqual(await peer.nextResponse().then(({ streamId, code }) => [streamId, code]), [
      3,
      Code.ResourceExhausted,
    ]);
    slow.resolve();
    assert.equal(nameIn((await peer.nextResponse()).payload), "slow");
  });

  it("counts calls exactly: refused requests are none (Go's count goes below zero)", async () => {
    const slow = createDeferred<void>();
    const { peer, server } = serve({
      Unary: async (request) => {
        await slow.promise;
        return request;
      },
    });
    callUnary(peer, 1, "slow");
    for (let index = 1; index <= 10; index++) peer.request(2 * index + 1, { service: "test.Other" });
    for (let index = 1; index <= 10; index++)
      assert.equal((await peer.nextResponse()).code, Code.Unimplemented);
    assert.equal(server.inFlight, 1);
    peer.stream.once("end", () => peer.stream.end());
    const done = server.shutdown(60_000);
    await settle();
    assert.equal(server.connectionCount, 1);
    slow.resolve();
    assert.equal(nameIn((await peer.nextResponse()).payload), "slow");
    await done;
  });

  it("takes a read error for the end of the connection (containerd#12669)", async () => {
    const { server, diagnostics } = serve();
    const stream = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
    server.handleConnection(stream);
    const error = new Error("read EIO");
    stream.destroy(error);
    await settle();
    const closed = diagnostics.at(-1);
    assert.equal(closed?.kind === "connection-closed" && closed.cause, error);
    assert.equal(server.connectionCount, 1);
  });
});
