/** Streaming calls on a server: the frames of every kind of method, and the state table of a stream. */
import assert from "node:assert/strict";
import { MAX_MESSAGE_LENGTH, RpcError } from "../../../../shim/ttrpc/index.ts";
import type { CallContext } from "../../../../shim/ttrpc/index.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { createDeferred } from "../../../../hcs/deferred.ts";
import { settle } from "./raw-peer.ts";
import type { RawPeer } from "./raw-peer.ts";
import { Probe, any, callUnary, nameIn, serve } from "./services.ts";
import type { ProbeMethods } from "./services.ts";

const NOTHING = Buffer.alloc(0);

function open(
  peer: RawPeer,
  streamId: number,
  method: keyof ProbeMethods,
  payload?: Uint8Array,
  flags = 2,
): void {
  peer.request(
    streamId,
    { service: Probe.typeName, method, ...(payload === undefined ? {} : { payload }) },
    flags,
  );
}

/** Asserts that the stream was closed in order. */
async function assertEnd(peer: RawPeer, streamId: number): Promise<void> {
  assert.deepEqual(await peer.nextFrame(), { streamId, type: 3, flags: 5, body: NOTHING });
}

async function assertMessage(peer: RawPeer, streamId: number, name: string): Promise<void> {
  assert.deepEqual(await peer.nextFrame(), { streamId, type: 3, flags: 0, body: Buffer.from(any(name)) });
}

async function assertFailure(
  peer: RawPeer,
  streamId: number,
  code: number,
  message: string | RegExp,
): Promise<void> {
  const response = await peer.nextResponse();
  assert.deepEqual([response.streamId, response.code, response.payload], [streamId, code, NOTHING]);
  if (typeof message === "string") assert.equal(response.message, message);
  else assert.match(response.message, message);
}

/** Asserts that nothing more has come on any stream. */
async function assertQuiet(peer: RawPeer, streamId: number): Promise<void> {
  callUnary(peer, streamId, "ping");
  assert.equal((await peer.nextResponse()).streamId, streamId);
}

describe("ServerStream", () => {
  describe("of a method that takes and gives a stream", () => {
    it("answers messages, empty ones too, and ends after the half-close (row 16)", async () => {
      const { peer, server } = serve();
      open(peer, 1, "Chat");
      peer.data(1, any("a"));
      await assertMessage(peer, 1, "a");
      peer.data(1);
      assert.deepEqual(await peer.nextFrame(), { streamId: 1, type: 3, flags: 0, body: NOTHING });
      peer.halfClose(1);
      await assertEnd(peer, 1);
      await settle();
      assert.equal(server.inFlight, 0);
      await assertQuiet(peer, 3);
    });

    it("sends one status when the handler fails (row 17)", async () => {
      const { peer, server } = serve({
        Chat: async function* (requests) {
          for await (const request of requests) {
            if (request.typeUrl === "bad") throw new RpcError(9, "cannot go on: failed precondition");
            yield request;
          }
        },
      });
      open(peer, 1, "Chat");
      peer.data(1, any("good"));
      peer.data(1, any("bad"));
      await assertMessage(peer, 1, "good");
      await assertFailure(peer, 1, 9, "cannot go on: failed precondition");
      await settle();
      assert.equal(server.inFlight, 0);
      await assertQuiet(peer, 3);
    });

    it("takes the first message from a request that has one, and none from one without", async () => {
      const { peer } = serve();
      open(peer, 1, "Chat", any("first"));
      peer.data(1, any("second"));
      await assertMessage(peer, 1, "first");
      await assertMessage(peer, 1, "second");
      open(peer, 3, "Chat");
      peer.halfClose(3);
      await assertEnd(peer, 3);
    });

    it("goes by its own table, whatever the flags of the request", async () => {
      const { peer } = serve();
      open(peer, 1, "Chat", undefined, 0);
      peer.data(1, any("a"));
      await assertMessage(peer, 1, "a");
      open(peer, 3, "Chat", undefined, 1);
      peer.data(3, any("b"));
      await assertMessage(peer, 3, "b");
    });

    it("takes a last message together with the half-close", async () => {
      const { peer } = serve();
      open(peer, 1, "Chat");
      peer.data(1, any("last"), 1);
      await assertMessage(peer, 1, "last");
      await assertEnd(peer, 1);
    });

    it("takes a frame without data for no message", async () => {
      const { peer } = serve();
      open(peer, 1, "Chat");
      peer.data(1, undefined, 4);
      peer.data(1, any("a"));
      await assertMessage(peer, 1, "a");
    });

    it("takes a second half-close for none", async () => {
      const answer = createDeferred<void>();
      const { peer } = serve({
        Chat: async function* (requests) {
          for await (const request of requests) yield request;
          await answer.promise;
          yield { typeUrl: "answer" };
        },
      });
      open(peer, 1, "Chat");
      peer.halfClose(1);
      peer.halfClose(1);
      await assertQuiet(peer, 3);
      answer.resolve();
      await assertMessage(peer, 1, "answer");
      await assertEnd(peer, 1);
    });

    it("ends when the handler is done, though the client could still send", async () => {
      const { peer, server } = serve({
        Chat: async function* (requests) {
          for await (const request of requests) {
            yield request;
            return;
          }
        },
      });
      open(peer, 1, "Chat");
      peer.data(1, any("a"));
      peer.data(1, any("b"));
      await assertMessage(peer, 1, "a");
      await assertEnd(peer, 1);
      // What containerd does when it sees the end.
      peer.halfClose(1);
      peer.data(1, any("c"));
      await assertQuiet(peer, 3);
      assert.equal(server.inFlight, 0);
    });

    it("fails after data that follows the half-close", async () => {
      const seen = createDeferred<unknown>();
      const { peer, server } = serve({
        Chat: async function* (requests, { signal }) {
          for await (const request of requests) yield request;
          if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
          seen.resolve(signal.reason);
          yield { typeUrl: "too late" };
        },
      });
      open(peer, 1, "Chat");
      peer.halfClose(1);
      peer.data(1, any("b"));
      await assertFailure(peer, 1, 3, "data handling error: ttrpc: stream closed");
      assert.ok(RpcError.is(await seen.promise, 3));
      await settle();
      assert.equal(server.inFlight, 0);
      await assertQuiet(peer, 3);
    });

    it("fails after a frame that says it carries nothing and does", async () => {
      const { peer } = serve();
      open(peer, 1, "Chat");
      peer.data(1, any("b"), 4);
      await assertFailure(peer, 1, 3, "data handling error: a frame without data carries 3 bytes");
      await assertQuiet(peer, 3);
    });

    it("fails after a message that does not decode", async () => {
      const { peer } = serve();
      open(peer, 1, "Chat");
      peer.data(1, Buffer.from("0a05", "hex"));
      await assertFailure(peer, 1, 13, /^ttrpc: error unmarshalling payload: /);
      await assertQuiet(peer, 3);
    });

    it("fails after a message that is too long, and the connection goes on", async () => {
      const { peer } = serve();
      open(peer, 1, "Chat");
      peer.data(1, Buffer.alloc(MAX_MESSAGE_LENGTH + 1));
      await assertFailure(peer, 1, 8, "message length 4194305 exceed maximum message size of 4194304");
      await assertQuiet(peer, 3);
    });

    it("ends when its id is used for a request that is too long", async () => {
      const { peer, server } = serve();
      open(peer, 1, "Chat");
      peer.send(1, 1, 2, Buffer.alloc(MAX_MESSAGE_LENGTH + 1));
      await assertFailure(peer, 1, 8, "message length 4194305 exceed maximum message size of 4194304");
      await settle();
      assert.equal(server.inFlight, 0);
      await assertQuiet(peer, 3);
    });

    it("ends whoever still reads its messages when the handler is done", async () => {
      const readers: Promise<string[]>[] = [];
      const { peer } = serve({
        Upload: (requests) => {
          const read = async (): Promise<string[]> => {
            const names: string[] = [];
            for await (const { typeUrl } of requests) names.push(typeUrl);
            return names;
          };
          readers.push(read());
          return { typeUrl: "done" };
        },
      });
      open(peer, 1, "Upload");
      assert.equal((await peer.nextResponse()).code, 0);
      assert.deepEqual(await readers[0], []);
    });

    it("ends when its id is used for another request", async () => {
      const { peer, server } = serve();
      open(peer, 1, "Chat");
      open(peer, 1, "Chat");
      await assertFailure(peer, 1, 3, "StreamID cannot be re-used and must increment");
      await settle();
      assert.equal(server.inFlight, 0);
      await assertQuiet(peer, 3);
    });
  });

  describe("of a method that gives a stream", () => {
    it("sends each message and the end", async () => {
      const { peer } = serve();
      open(peer, 1, "Download", any("a,b,c"), 1);
      for (const name of ["a", "b", "c"]) await assertMessage(peer, 1, name);
      await assertEnd(peer, 1);
    });

    it("takes an absent payload for an empty message", async () => {
      const { peer } = serve({
        Download: async function* (request) {
          yield { typeUrl: `<${request.typeUrl}>` };
        },
      });
      open(peer, 1, "Download", undefined, 1);
      await assertMessage(peer, 1, "<>");
      await assertEnd(peer, 1);
    });

    it("takes a half-close, which says nothing new, and refuses data", async () => {
      const go = createDeferred<void>();
      const { peer } = serve({
        Download: async function* () {
          yield { typeUrl: "a" };
          await go.promise;
        },
      });
      open(peer, 1, "Download", any("x"), 1);
      await assertMessage(peer, 1, "a");
      peer.halfClose(1);
      await assertQuiet(peer, 3);
      peer.data(1, any("b"));
      await assertFailure(peer, 1, 3, "data handling error: ttrpc: stream closed");
      go.resolve();
      await assertQuiet(peer, 5);
    });

    it("fails with a payload that is not the method's", async () => {
      const { peer } = serve();
      open(peer, 1, "Download", Buffer.from("0a05", "hex"), 1);
      await assertFailure(peer, 1, 13, /^ttrpc: error unmarshalling payload: /);
    });

    it("sends a status instead of a message that is too long", async () => {
      const { peer } = serve({
        Download: async function* () {
          yield { typeUrl: "a" };
          yield { value: Buffer.alloc(MAX_MESSAGE_LENGTH) };
        },
      });
      open(peer, 1, "Download", any("x"), 1);
      await assertMessage(peer, 1, "a");
      await assertFailure(peer, 1, 8, "message length 4194309 exceed maximum message size of 4194304");
      await assertQuiet(peer, 3);
    });

    for (const [what, result, message] of [
      ["nothing that can be iterated", { typeUrl: "x" }, /not async iterable/],
      ["a message that is none", [undefined], "ttrpc: marshal called with nil"],
    ] as const) {
      it(`fails when the handler gives ${what}`, async () => {
        const { peer } = serve({ Download: () => result as never });
        open(peer, 1, "Download", any("x"), 1);
        await assertFailure(peer, 1, 2, message);
      });
    }

    it("waits for a client that does not read, with a bounded number of messages", async () => {
      let given = 0;
      const { peer } = serve(
        {
          Download: async function* () {
            for (; given < 200; given++) yield { value: Buffer.alloc(100_000) };
          },
        },
        { maxQueuedBytes: 1_000_000 },
      );
      peer.stream.pause();
      open(peer, 1, "Download", any("x"), 1);
      await settle();
      assert.ok(given <= 12, `${given} messages of 100000 bytes were asked for`);
      peer.stream.resume();
      for (let index = 0; index < 200; index++) assert.equal((await peer.nextFrame()).type, 3);
      await assertEnd(peer, 1);
    });

    it("closes the handler's iterator when the client has gone", async () => {
      const closed = createDeferred<void>();
      const go = createDeferred<void>();
      const { peer, server } = serve({
        Download: async function* () {
          try {
            yield { typeUrl: "a" };
            await go.promise;
            yield { typeUrl: "b" };
            assert.fail("asked for a third message");
          } finally {
            closed.resolve();
          }
        },
      });
      open(peer, 1, "Download", any("x"), 1);
      await assertMessage(peer, 1, "a");
      peer.stream.end();
      await settle();
      go.resolve();
      await closed.promise;
      await settle();
      assert.equal(server.inFlight, 0);
    });
  });

  describe("of a method that takes a stream", () => {
    it("answers with a response after the half-close", async () => {
      const { peer } = serve();
      open(peer, 1, "Upload");
      for (const name of ["a", "b"]) peer.data(1, any(name));
      await assertQuiet(peer, 3);
      peer.halfClose(1);
      const response = await peer.nextResponse();
      assert.deepEqual([response.streamId, response.code, nameIn(response.payload)], [1, 0, "a,b"]);
      await assertQuiet(peer, 5);
    });

    it("answers with a status when the reply is too long", async () => {
      const { peer } = serve({ Upload: () => ({ value: Buffer.alloc(MAX_MESSAGE_LENGTH) }) });
      open(peer, 1, "Upload");
      await assertFailure(peer, 1, 8, /^message length 4194314 exceed /);
    });

    it("hands out what had arrived when the connection ends, then fails", async () => {
      const names: string[] = [];
      const failed = createDeferred<unknown>();
      const go = createDeferred<void>();
      const { peer, server } = serve({
        Upload: async (requests) => {
          await go.promise;
          try {
            for await (const { typeUrl } of requests) names.push(typeUrl);
          } catch (error) {
            failed.resolve(error);
          }
          return {};
        },
      });
      open(peer, 1, "Upload");
      for (const name of ["a", "b"]) peer.data(1, any(name));
      peer.stream.end();
      await settle();
      go.resolve();
      assert.ok(RpcError.is(await failed.promise, 1));
      assert.deepEqual(names, ["a", "b"]);
      await settle();
      assert.equal(server.inFlight, 0);
    });

    it("does not wait for the next message beyond the deadline", async () => {
      const clock = new ManualClock();
      const { peer } = serve({}, { clock });
      peer.request(1, { service: Probe.typeName, method: "Upload", timeoutNano: 2_000_000_000n }, 2);
      await settle();
      await clock.advance(1999);
      await assertQuiet(peer, 3);
      await clock.advance(1);
      await assertFailure(peer, 1, 4, "context deadline exceeded");
      assert.deepEqual(clock.pending, []);
    });
  });

  it("is over for a handler that waits when its deadline was over from the start", async () => {
    const { peer, server } = serve();
    peer.request(1, { service: Probe.typeName, method: "Upload", timeoutNano: -1n }, 2);
    await assertFailure(peer, 1, 4, "context deadline exceeded");
    await settle();
    assert.equal(server.inFlight, 0);
  });

  describe("whose handler does not take its messages", () => {
    const OPTIONS = { streamQueueBytes: 10_000, streamStallMs: 1000 };

    let taken = 0;
    beforeEach(() => {
      taken = 0;
    });

    function stall(clock: ManualClock): {
      served: ReturnType<typeof serve>;
      go: () => void;
      contexts: CallContext[];
    } {
      const gate = createDeferred<void>();
      const contexts: CallContext[] = [];
      const served = serve(
        {
          Upload: async (requests, context) => {
            contexts.push(context);
            await gate.promise;
            for await (const _ of requests) taken++;
            return { typeUrl: `${taken}` };
          },
        },
        { ...OPTIONS, clock },
      );
      return { served, go: gate.resolve, contexts };
    }

    it("keeps the server from reading, up to a limit", async () => {
      const clock = new ManualClock();
      const { served, go } = stall(clock);
      const { peer, diagnostics } = served;
      open(peer, 1, "Upload");
      for (let index = 0; index < 11; index++) peer.data(1, any("", Buffer.alloc(1000)));
      callUnary(peer, 3, "ping");
      await settle();
      assert.equal(diagnostics.at(-1)?.kind, "reading-paused");
      assert.deepEqual(peer.pending, []);
      go();
      assert.equal((await peer.nextResponse()).streamId, 3);
      peer.halfClose(1);
      assert.equal(nameIn((await peer.nextResponse()).payload), "11");
      assert.deepEqual(clock.pending, []);
    });

    it("keeps the server from reading until half of them are taken", async () => {
      const clock = new ManualClock();
      const steps = Array.from({ length: 11 }, () => createDeferred<void>());
      const { peer, diagnostics } = serve(
        {
          Upload: async (requests) => {
            let count = 0;
            for await (const _ of requests) await steps[count++]?.promise;
            return { typeUrl: `${count}` };
          },
        },
        { ...OPTIONS, clock },
      );
      open(peer, 1, "Upload");
      for (let index = 0; index < 11; index++) peer.data(1, any("", Buffer.alloc(1000)));
      peer.halfClose(1);
      const kinds: string[] = [];
      for (const step of steps) {
        await settle();
        kinds.push(diagnostics.at(-1)?.kind ?? "");
        step.resolve();
      }
      // One is taken at once, of the ten that are left the limit is reached, of the last four it is relieved.
      assert.deepEqual(kinds, [
        ...Array.from({ length: 6 }, () => "reading-paused"),
        ...Array.from({ length: 5 }, () => "reading-resumed"),
      ]);
      assert.equal(nameIn((await peer.nextResponse()).payload), "11");
    });

    it("fails after a while, and the other calls go on", async () => {
      const clock = new ManualClock();
      const { served, go, contexts } = stall(clock);
      const { peer, server } = served;
      open(peer, 1, "Upload");
      for (let index = 0; index < 20; index++) peer.data(1, any("", Buffer.alloc(1000)));
      callUnary(peer, 3, "ping");
      await settle();
      await clock.advance(999);
      assert.deepEqual(peer.pending, []);
      await clock.advance(1);
      await assertFailure(peer, 1, 8, "data handling error: ttrpc: stream buffer full");
      assert.equal((await peer.nextResponse()).streamId, 3);
      assert.ok(RpcError.is(contexts[0]?.signal.reason, 8));
      go();
      await settle();
      assert.equal(server.inFlight, 0);
      // What it had not taken by then is of no use to it.
      assert.equal(taken, 0);
      await assertQuiet(peer, 5);
      assert.deepEqual(clock.pending, []);
    });

    it("leaves no alarm behind when its connection ends", async () => {
      const clock = new ManualClock();
      const { served, go } = stall(clock);
      open(served.peer, 1, "Upload");
      for (let index = 0; index < 20; index++) served.peer.data(1, any("", Buffer.alloc(1000)));
      await settle();
      assert.deepEqual(clock.pending, [1000]);
      await served.server.close();
      assert.deepEqual(clock.pending, []);
      go();
      await settle();
      assert.equal(served.server.inFlight, 0);
    });
  });
});
