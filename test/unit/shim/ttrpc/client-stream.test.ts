/** Streaming calls of a client: which frames it sends and takes in which state. */
import assert from "node:assert/strict";
import { Duplex, duplexPair } from "node:stream";
import {
  Client,
  Code,
  MAX_MESSAGE_LENGTH,
  Server,
  isConnectionClosed,
} from "../../../../shim/ttrpc/index.ts";
import type { ClientOptions, ClientStream } from "../../../../shim/ttrpc/index.ts";
import type { Any } from "../../../../protos/gen/google.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { RawPeer, settle } from "./raw-peer.ts";
import { ECHO, Probe, any, nameIn } from "./services.ts";

function open(options: ClientOptions = {}): { client: Client; peer: RawPeer } {
  const [near, far] = duplexPair();
  return { client: new Client(near, options), peer: new RawPeer(far) };
}

/** A client and a server that echoes, of our own. */
function echo(): Client {
  const [near, far] = duplexPair();
  new Server().register(Probe, ECHO).handleConnection(far);
  return new Client(near);
}

async function names(stream: ClientStream<Any, Any>): Promise<string[]> {
  const found: string[] = [];
  for await (const { typeUrl } of stream) found.push(typeUrl);
  return found;
}

/** Asserts that nothing was sent before the next call, and answers that. */
async function assertQuiet(client: Client, peer: RawPeer): Promise<void> {
  const reply = client.call(Probe, "Unary", { typeUrl: "ping" });
  const { streamId, request } = await peer.nextRequest();
  assert.equal(nameIn(request.payload), "ping");
  peer.respond(streamId, {});
  await reply;
}

describe("ClientStream", () => {
  describe("of a method that takes and gives a stream", () => {
    it("opens without a message, sends messages, empty ones too, and half-closes", async () => {
      const { client, peer } = open();
      const stream = client.stream(Probe, "Chat");
      await stream.send({ typeUrl: "a" });
      await stream.send({});
      await stream.closeSend();
      const { streamId, flags, request } = await peer.nextRequest();
      assert.deepEqual([streamId, flags, request.method, request.payload.length], [1, 2, "Chat", 0]);
      const sent = [await peer.nextFrame(), await peer.nextFrame(), await peer.nextFrame()];
      assert.deepEqual(
        sent.map(({ type, flags, body }) => [type, flags, body.toString("hex")]),
        [
          [3, 0, "0a0161"],
          [3, 0, ""],
          [3, 5, ""],
        ],
      );
      peer.data(1, any("b"));
      peer.data(1);
      peer.halfClose(1);
      assert.deepEqual(await names(stream), ["b", ""]);
      assert.equal(client.inFlight, 0);
    });

    it("may put its first message into the request", async () => {
      const { client, peer } = open();
      client.stream(Probe, "Chat", { request: { typeUrl: "first" } });
      const { flags, request } = await peer.nextRequest();
      assert.deepEqual([flags, nameIn(request.payload)], [2, "first"]);
    });

    it("takes a last message together with the end", async () => {
      const { client, peer } = open();
      const stream = client.stream(Probe, "Chat");
      await peer.nextRequest();
      peer.data(1, any("last"), 1);
      assert.deepEqual(await names(stream), ["last"]);
    });

    it("takes a response for a last message, as a server that knows no streams sends it", async () => {
      const { client, peer } = open();
      const stream = client.stream(Probe, "Chat");
      await peer.nextRequest();
      peer.respond(1, { payload: any("only") });
      assert.deepEqual(await names(stream), ["only"]);
    });

    it("sends nothing after the server has ended the stream, not even a half-close", async () => {
      const { client, peer } = open();
      const stream = client.stream(Probe, "Chat");
      await peer.nextRequest();
      peer.halfClose(1);
      assert.equal(await stream.receive(), undefined);
      await stream.closeSend();
      await assert.rejects(stream.send({ typeUrl: "late" }), {
        code: Code.FailedPrecondition,
        message: 'cannot send on stream "test.Probe/Chat": stream is ended',
      });
      await assertQuiet(client, peer);
    });

    it("refuses messages after its own half-close, and half-closes once", async () => {
      const { client, peer } = open();
      const stream = client.stream(Probe, "Chat");
      await stream.closeSend();
      await stream.closeSend();
      await assert.rejects(stream.send({}), {
        message: 'cannot send on stream "test.Probe/Chat": stream is half-closed',
      });
      await peer.nextRequest();
      assert.equal((await peer.nextFrame()).flags, 5);
      await assertQuiet(client, peer);
    });

    it("hands out what came before the server's error, then throws it everywhere", async () => {
      const { client, peer } = open();
      const stream = client.stream(Probe, "Chat");
      await peer.nextRequest();
      peer.data(1, any("a"));
      peer.respond(1, { status: { code: 9, message: "cannot go on", details: [] } });
      assert.equal((await stream.receive())?.typeUrl, "a");
      await assert.rejects(stream.receive(), { code: 9, message: "cannot go on" });
      await assert.rejects(stream.send({}), { code: 9, message: "cannot go on" });
      assert.equal(client.inFlight, 0);
    });

    it("throws errors with the caller in the stack", async () => {
      const { client, peer } = open();
      const stream = client.stream(Probe, "Chat");
      async function theReader(): Promise<void> {
        await stream.receive();
      }
      const failed = theReader();
      await peer.nextRequest();
      peer.respond(1, { status: { code: 9, message: "no", details: [] } });
      await assert.rejects(failed, (error: Error) => /theReader/.test(error.stack ?? ""));
    });

    it("refuses a message that is too long and goes on", async () => {
      const { client, peer } = open();
      const stream = client.stream(Probe, "Chat");
      await assert.rejects(stream.send({ value: Buffer.alloc(MAX_MESSAGE_LENGTH) }), {
        code: Code.ResourceExhausted,
      });
      await stream.send({ typeUrl: "a" });
      await peer.nextRequest();
      assert.equal(nameIn((await peer.nextFrame()).body), "a");
    });

    it("fails when a message of the server is too long", async () => {
      const { client, peer } = open();
      const stream = client.stream(Probe, "Chat");
      await peer.nextRequest();
      peer.data(1, Buffer.alloc(MAX_MESSAGE_LENGTH + 1));
      await assert.rejects(stream.receive(), { code: Code.ResourceExhausted });
      await assertQuiet(client, peer);
    });

    it("fails at a message that does not decode, and forgets the stream", async () => {
      const { client, peer } = open();
      const stream = client.stream(Probe, "Chat");
      await peer.nextRequest();
      peer.data(1, Buffer.from("0a05", "hex"));
      await assert.rejects(stream.receive(), { code: Code.Internal });
      assert.equal(client.inFlight, 0);
      await assert.rejects(stream.send({}), { code: Code.Internal });
    });

    it("fails at a response that does not decode", async () => {
      const { client, peer } = open();
      const stream = client.stream(Probe, "Chat");
      await peer.nextRequest();
      peer.send(1, 2, 0, Buffer.from("0a05", "hex"));
      await assert.rejects(stream.receive(), { code: Code.Internal });
    });

    it("is given up by leaving the loop, silently", async () => {
      const { client, peer } = open();
      const stream = client.stream(Probe, "Chat");
      await peer.nextRequest();
      peer.data(1, any("a"));
      for await (const { typeUrl } of stream) {
        assert.equal(typeUrl, "a");
        break;
      }
      assert.equal(client.inFlight, 0);
      peer.data(1, any("b"));
      await assertQuiet(client, peer);
      await assert.rejects(stream.send({}), { code: Code.Canceled });
    });

    it("is given up by cancel, with a reason", async () => {
      const { client } = open();
      const stream = client.stream(Probe, "Chat");
      const failed = assert.rejects(stream.receive(), {
        code: Code.Canceled,
        message: 'cannot go on with "test.Probe/Chat": enough',
      });
      stream.cancel(new Error("enough"));
      await failed;
      assert.equal(client.inFlight, 0);
    });

    it("ends with its deadline or its signal", async () => {
      const clock = new ManualClock();
      const { client, peer } = open({ clock });
      const limited = client.stream(Probe, "Chat", { timeoutMs: 1000, metadata: { k: "v" } });
      const controller = new AbortController();
      const cancelled = client.stream(Probe, "Chat", { signal: controller.signal });
      const { request } = await peer.nextRequest();
      assert.deepEqual([request.timeoutNano, request.metadata], [1_000_000_000n, [{ key: "k", value: "v" }]]);
      const failures = Promise.all([
        assert.rejects(limited.receive(), { code: Code.DeadlineExceeded }),
        assert.rejects(cancelled.receive(), { code: Code.Canceled }),
      ]);
      await clock.advance(1000);
      controller.abort();
      await failures;
      assert.equal(client.inFlight, 0);
      assert.deepEqual(clock.pending, []);
    });

    it("is not begun when its signal has been aborted before", async () => {
      const { client, peer } = open();
      assert.throws(() => client.stream(Probe, "Chat", { signal: AbortSignal.abort() }), {
        code: Code.Canceled,
      });
      await assertQuiet(client, peer);
    });

    it("fails when the connection ends", async () => {
      const { client, peer } = open();
      const stream = client.stream(Probe, "Chat");
      const failed = assert.rejects(stream.receive(), isConnectionClosed);
      await peer.nextRequest();
      peer.stream.end();
      await failed;
      await assert.rejects(stream.send({}), isConnectionClosed);
      const late = client.stream(Probe, "Chat");
      await assert.rejects(late.receive(), isConnectionClosed);
    });

    it("fails alone when nobody takes its messages", async () => {
      const { client, peer } = open({ streamQueueBytes: 10_000 });
      const stream = client.stream(Probe, "Chat");
      await peer.nextRequest();
      for (let index = 0; index < 20; index++) peer.data(1, any("", Buffer.alloc(1000)));
      await assertQuiet(client, peer);
      await assert.rejects(stream.receive(), {
        code: Code.ResourceExhausted,
        message: 'cannot go on with "test.Probe/Chat": more than 10000 bytes have arrived and were not taken',
      });
    });

    it("makes the sender wait while the server does not read, and sends in order", async () => {
      const { client, peer } = open({ highWaterBytes: 10_000 });
      peer.stream.pause();
      const stream = client.stream(Probe, "Chat");
      let sent = 0;
      const sending = (async () => {
        for (; sent < 100; sent++) await stream.send({ typeUrl: `${sent}`, value: Buffer.alloc(1000) });
        await stream.closeSend();
      })();
      await settle();
      assert.ok(sent < 40, `${sent} messages of 1000 bytes were sent`);
      peer.stream.resume();
      await peer.nextRequest();
      for (let index = 0; index < 100; index++)
        assert.equal(nameIn((await peer.nextFrame()).body), `${index}`);
      assert.equal((await peer.nextFrame()).flags, 5);
      await sending;
    });

    it("takes back what waits to be sent when it is given up", async () => {
      const stuck = new Duplex({ read: () => {}, write: () => {} });
      const client = new Client(stuck, { highWaterBytes: 1000 });
      const stream = client.stream(Probe, "Chat");
      await stream.send({ value: Buffer.alloc(2000) });
      const waiting = [stream.send({ typeUrl: "b" }), stream.send({ typeUrl: "c" })];
      stream.cancel();
      for (const send of waiting) await assert.rejects(send, { code: Code.Canceled });
      await client.close();
    });
  });

  describe("of a method that gives a stream", () => {
    it("sends its request and no more", async () => {
      const { client, peer } = open();
      const stream = client.stream(Probe, "Download", { request: { typeUrl: "x" } });
      const { flags, request } = await peer.nextRequest();
      assert.deepEqual([flags, nameIn(request.payload)], [1, "x"]);
      await assert.rejects(stream.send({}), { code: Code.FailedPrecondition });
      await stream.closeSend();
      peer.data(1, any("a"));
      peer.halfClose(1);
      assert.deepEqual(await names(stream), ["a"]);
      await assertQuiet(client, peer);
    });
  });

  describe("of a method that takes a stream", () => {
    it("half-closes and gives the answer", async () => {
      const { client, peer } = open();
      const stream = client.stream(Probe, "Upload");
      await stream.send({ typeUrl: "a" });
      const answer = stream.finish();
      await peer.nextRequest();
      await peer.nextFrame();
      assert.equal((await peer.nextFrame()).flags, 5);
      peer.respond(1, { payload: any("got a") });
      assert.equal((await answer).typeUrl, "got a");
      assert.equal(client.inFlight, 0);
    });

    it("gives an empty answer", async () => {
      const { client, peer } = open();
      const answer = client.stream(Probe, "Upload").finish();
      await peer.nextRequest();
      peer.send(1, 2, 0);
      assert.equal((await answer).typeUrl, "");
    });

    it("throws the server's status", async () => {
      const { client, peer } = open();
      const failed = assert.rejects(client.stream(Probe, "Upload").finish(), { code: 7 });
      await peer.nextRequest();
      peer.respond(1, { status: { code: 7, message: "no", details: [] } });
      await failed;
    });

    it("fails when the server ends the stream without an answer, or sends data", async () => {
      const { client, peer } = open();
      const ended = client.stream(Probe, "Upload").finish();
      const data = client.stream(Probe, "Upload").finish();
      await peer.nextRequest();
      peer.halfClose(1);
      peer.data(3, any("x"));
      await assert.rejects(ended, { message: 'protocol error: "test.Probe/Upload" ended without an answer' });
      await assert.rejects(data, { message: 'protocol error: data in answer to "test.Probe/Upload"' });
    });
  });

  describe("against our own server", () => {
    it("talks in both directions", async () => {
      const stream = echo().stream(Probe, "Chat");
      for (const name of ["a", "b", ""]) {
        await stream.send({ typeUrl: name });
        assert.equal((await stream.receive())?.typeUrl, name);
      }
      await stream.closeSend();
      assert.equal(await stream.receive(), undefined);
    });

    it("uploads and downloads", async () => {
      const client = echo();
      const upload = client.stream(Probe, "Upload");
      for (const name of ["a", "b", "c"]) await upload.send({ typeUrl: name });
      assert.equal((await upload.finish()).typeUrl, "a,b,c");
      assert.deepEqual(await names(client.stream(Probe, "Download", { request: { typeUrl: "a,b,c" } })), [
        "a",
        "b",
        "c",
      ]);
    });

    it("carries many messages at once in order", async () => {
      const stream = echo().stream(Probe, "Chat");
      const count = 5000;
      const sending = (async () => {
        for (let index = 0; index < count; index++) await stream.send({ typeUrl: `${index}` });
        await stream.closeSend();
      })();
      assert.deepEqual(
        await names(stream),
        Array.from({ length: count }, (_, index) => `${index}`),
      );
      await sending;
    });
  });
});
