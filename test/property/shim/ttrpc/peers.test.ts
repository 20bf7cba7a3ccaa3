/** Servers and clients against peers that send anything at all. */
import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import fc from "fast-check";
import { Request, Response } from "../../../../protos/gen/ttrpc.ts";
import { Client, MAX_MESSAGE_LENGTH, Server } from "../../../../shim/ttrpc/index.ts";
import { RawPeer, frameBytes, settle } from "../../../unit/shim/ttrpc/raw-peer.ts";
import { ECHO, Probe, any, callUnary, join, nameIn } from "../../../unit/shim/ttrpc/services.ts";

const METHODS = ["Unary", "Upload", "Download", "Chat", "Other"] as const;

/** Frames as a client might send them, in any order and with any mistakes. */
const clientFrame = fc.oneof(
  fc
    .record({
      id: fc.nat({ max: 12 }),
      method: fc.constantFrom(...METHODS),
      payload: fc.oneof(fc.constant(any("x")), fc.uint8Array({ maxLength: 6 })),
      flags: fc.nat({ max: 7 }),
      timeoutNano: fc.constantFrom(0n, -1n, 3_600_000_000_000n),
    })
    .map(({ id, flags, ...request }) => ({
      id,
      bytes: frameBytes(id, 1, flags, Request.encode({ service: Probe.typeName, ...request })),
    })),
  fc
    .record({
      id: fc.nat({ max: 12 }),
      type: fc.constantFrom(1, 2, 3, 3, 3, 4),
      flags: fc.nat({ max: 7 }),
      body: fc.oneof(fc.constant(any("x")), fc.uint8Array({ maxLength: 6 })),
    })
    .map(({ id, type, flags, body }) => ({ id, bytes: frameBytes(id, type, flags, body) })),
);

const serverFrame = fc
  .record({
    id: fc.nat({ max: 12 }),
    type: fc.constantFrom(1, 2, 2, 3, 3, 4),
    flags: fc.nat({ max: 7 }),
    body: fc.oneof(
      fc.constant(any("x")),
      fc.constant(Response.encode({ payload: any("x") })),
      fc.constant(Response.encode({ status: { code: 5, message: "no", details: [] } })),
      fc.uint8Array({ maxLength: 6 }),
    ),
  })
  .map(({ id, type, flags, body }) => frameBytes(id, type, flags, body));

describe("Server", () => {
  it("survives any bytes, and serves its other connections", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 20 }), async (chunks) => {
        const server = new Server().register(Probe, ECHO);
        const peer = join(server);
        const other = join(server);
        for (const chunk of chunks) peer.bytes(chunk);
        peer.stream.end();
        callUnary(other, 1, "ping");
        assert.equal(nameIn((await other.nextResponse()).payload), "ping");
        await settle();
        assert.equal(server.connectionCount, 1);
        assert.equal(server.inFlight, 0);
      }),
      { numRuns: 50 },
    );
  });

  it("keeps the rules towards a client that breaks them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(clientFrame, { maxLength: 40 }), async (frames) => {
        const server = new Server().register(Probe, ECHO);
        const peer = join(server);
        for (const { bytes } of frames) peer.bytes(bytes);
        // Whatever was sent, the connection goes on.
        callUnary(peer, 1001, "ping");
        await settle();
        const answers = [...peer.pending];
        const ping = answers.filter(({ streamId }) => streamId === 1001);
        assert.equal(ping.length, 1);
        assert.equal(nameIn(Response.decode(ping[0]!.body).payload), "ping");

        const requested = new Set(frames.filter(({ bytes }) => bytes[8] === 1).map(({ id }) => id));
        for (const { streamId, type, body } of answers) {
          assert.ok(body.length <= MAX_MESSAGE_LENGTH);
          assert.ok(type === 2 || type === 3, `a server sent a frame of type ${type}`);
          if (type === 3)
            assert.ok(requested.has(streamId) && streamId % 2 === 1, "data on an id that is no stream");
          if (type === 2) {
            const { status, payload } = Response.decode(body);
            if (status !== undefined) assert.equal(payload.length, 0, "a failure with a payload");
          }
        }
        // Each id is opened at most once: at most one end in order.
        for (const id of requested) {
          const ends = answers.filter(
            ({ streamId, type, flags, body }) =>
              streamId === id &&
              ((type === 3 && flags === 5) || (type === 2 && Response.decode(body).status === undefined)),
          );
          assert.ok(ends.length <= 1, `stream ${id} ended ${ends.length} times`);
        }
        peer.stream.end();
        await settle();
        assert.equal(server.inFlight, 0);
        assert.equal(server.connectionCount, 0);
      }),
      { numRuns: 200 },
    );
  });
});

describe("Client", () => {
  it("settles every call, whatever the server sends", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(serverFrame, fc.uint8Array({ maxLength: 30 })), { maxLength: 30 }),
        async (chunks) => {
          const [near, far] = duplexPair();
          const peer = new RawPeer(far);
          const client = new Client(near);
          const calls = Array.from({ length: 3 }, () => client.call(Probe, "Unary", { typeUrl: "x" }));
          const streams = Array.from({ length: 3 }, () => client.stream(Probe, "Chat"));
          const outcomes = Promise.allSettled([
            ...calls,
            ...streams.map(async (stream) => {
              for await (const message of stream) assert.equal(typeof message.typeUrl, "string");
            }),
          ]);
          await settle();
          for (const chunk of chunks) peer.bytes(chunk);
          peer.stream.end();
          for (const outcome of await outcomes) {
            if (outcome.status === "rejected")
              assert.match(String(outcome.reason), /^(RpcError|ConnectionClosedError): /);
          }
          assert.equal(client.inFlight, 0);
          await client.closed;
        },
      ),
      { numRuns: 200 },
    );
  });

  it("gives each caller its own answer, in whatever order they come", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { minLength: 1, maxLength: 30 }), async (order) => {
        const [near, far] = duplexPair();
        const peer = new RawPeer(far);
        const client = new Client(near);
        const replies = order.map((_, index) => client.call(Probe, "Unary", { typeUrl: `${index}` }));
        const requests = [];
        for (const rank of order) requests.push({ rank, ...(await peer.nextRequest()) });
        requests.sort((one, other) => one.rank - other.rank);
        for (const { streamId, request } of requests) {
          peer.respond(streamId, { payload: any(`answer to ${nameIn(request.payload)}`) });
        }
        assert.deepEqual(
          (await Promise.all(replies)).map(({ typeUrl }) => typeUrl),
          order.map((_, index) => `answer to ${index}`),
        );
        await client.close();
      }),
      { numRuns: 50 },
    );
  });
});
