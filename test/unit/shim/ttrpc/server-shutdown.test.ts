/** How a server comes to an end, in memory and with a clock that stands still. */
import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { RpcError } from "../../../../shim/ttrpc/index.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { createDeferred } from "../../../../hcs/deferred.ts";
import { settle } from "./raw-peer.ts";
import type { RawPeer } from "./raw-peer.ts";
import { Probe, callUnary, join, nameIn, serve } from "./services.ts";

/** Closes its side when the server has closed its own, as every real peer does. */
function closesWhenAsked(peer: RawPeer): RawPeer {
  peer.stream.once("end", () => peer.stream.end());
  return peer;
}

/** Whether a promise has been settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => (settled = true));
  await settle();
  return settled;
}

describe("Server.shutdown", () => {
  it("closes idle connections and is done at once", async () => {
    const { server, peer } = serve();
    closesWhenAsked(peer);
    await server.shutdown(1000);
    await peer.ended;
    assert.equal(server.connectionCount, 0);
    assert.equal(server.stopped, true);
  });

  it("sends the answer to the call that asked for it", async () => {
    let done: Promise<void> | undefined;
    const { server, peer } = serve({
      Unary: (request) => {
        done = server.shutdown(1000);
        return request;
      },
    });
    closesWhenAsked(peer);
    callUnary(peer, 1, "shutdown");
    assert.equal(nameIn((await peer.nextResponse()).payload), "shutdown");
    await done;
    await peer.ended;
  });

  it("lets unary calls finish, refuses new ones, and closes each connection when it is idle", async () => {
    const clock = new ManualClock();
    const slow = createDeferred<void>();
    const { server, peer } = serve(
      {
        Unary: async (request, { signal }) => {
          await slow.promise;
          assert.equal(signal.aborted, false);
          return request;
        },
      },
      { clock },
    );
    const idle = closesWhenAsked(join(server));
    closesWhenAsked(peer);
    callUnary(peer, 1, "slow");
    await settle();
    const done = server.shutdown(1000);
    await idle.ended;
    callUnary(peer, 3, "new");
    const refused = await peer.nextResponse();
    assert.deepEqual([refused.streamId, refused.code, refused.message], [3, 14, "ttrpc: server closed"]);
    assert.equal(await isSettled(done), false);
    slow.resolve();
    const answered = await peer.nextResponse();
    assert.deepEqual([answered.streamId, answered.code], [1, 0]);
    await done;
    assert.equal(server.inFlight, 0);
    assert.deepEqual(clock.pending, []);
  });

  it("aborts streams at once", async () => {
    const { server, peer } = serve({}, { clock: new ManualClock() });
    closesWhenAsked(peer);
    peer.request(1, { service: Probe.typeName, method: "Chat" }, 2);
    await settle();
    assert.equal(server.inFlight, 1);
    const done = server.shutdown(1000);
    const response = await peer.nextResponse();
    assert.deepEqual([response.streamId, response.code, response.message], [1, 14, "ttrpc: server closed"]);
    await done;
  });

  it("aborts what is still running at the limit, and sends what that answers", async () => {
    const clock = new ManualClock();
    const { server, peer } = serve(
      {
        Unary: async (request, { signal }) => {
          if (request.typeUrl === "ignores") await new Promise(() => {});
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          throw signal.reason;
        },
      },
      { clock },
    );
    closesWhenAsked(peer);
    callUnary(peer, 1, "listens");
    callUnary(peer, 3, "ignores");
    await settle();
    const done = server.shutdown(1000);
    await clock.advance(999);
    assert.deepEqual(peer.pending, []);
    await clock.advance(1);
    const response = await peer.nextResponse();
    assert.deepEqual([response.streamId, response.code], [1, 14]);
    await done;
    await peer.ended;
    assert.equal(server.inFlight, 1);
    assert.equal(server.connectionCount, 0);
    assert.deepEqual(clock.pending, []);
  });

  it("takes a signal for the limit", async () => {
    const controller = new AbortController();
    const { server, peer } = serve({ Unary: () => new Promise(() => {}) });
    closesWhenAsked(peer);
    callUnary(peer, 1, "never");
    await settle();
    const done = server.shutdown(controller.signal);
    assert.equal(await isSettled(done), false);
    controller.abort();
    await done;
    assert.equal(server.connectionCount, 0);
  });

  it("takes a signal that has been aborted before", async () => {
    const { server, peer } = serve({ Unary: () => new Promise(() => {}) });
    closesWhenAsked(peer);
    callUnary(peer, 1, "never");
    await settle();
    await server.shutdown(AbortSignal.abort());
    assert.equal(server.connectionCount, 0);
  });

  it("waits for handlers whose client has gone: they change state", async () => {
    const remove = createDeferred<void>();
    const { server, peer } = serve({
      Unary: async (request) => {
        await remove.promise;
        return request;
      },
    });
    callUnary(peer, 1, "delete");
    await settle();
    peer.stream.end();
    await settle();
    assert.equal(server.connectionCount, 0);
    const done = server.shutdown(10_000);
    assert.equal(await isSettled(done), false);
    remove.resolve();
    await done;
    assert.equal(server.inFlight, 0);
  });

  it("cuts peers that do not read their last answers", async () => {
    const clock = new ManualClock();
    const { server, diagnostics } = serve({}, { clock, flushMs: 500 });
    const stuck = new Duplex({ read: () => {}, write: () => {}, final: () => {} });
    server.handleConnection(stuck);
    stuck.push(Buffer.from("00000000000000010100", "hex"));
    await settle();
    const done = server.shutdown(100);
    await clock.advance(499);
    assert.equal(await isSettled(done), false);
    await clock.advance(1);
    await done;
    assert.equal(stuck.destroyed, true);
    const closed = diagnostics.filter(({ kind }) => kind === "connection-closed").at(-1);
    assert.match(
      String(closed?.kind === "connection-closed" && closed.cause),
      /^Error: cannot send \d+ bytes within 500 ms: peer does not read$/,
    );
  });

  it("may be called twice", async () => {
    const { server, peer } = serve();
    closesWhenAsked(peer);
    await Promise.all([server.shutdown(1000), server.shutdown(1000), server.close()]);
    await server.shutdown(1000);
  });
});

describe("Server.close", () => {
  it("cuts connections and aborts handlers, without waiting for them", async () => {
    const reasons: unknown[] = [];
    const go = createDeferred<void>();
    const { server, peer } = serve({
      Unary: async (request, { signal }) => {
        signal.addEventListener("abort", () => reasons.push(signal.reason));
        await go.promise;
        return request;
      },
    });
    callUnary(peer, 1, "x");
    await settle();
    await server.close();
    assert.equal(server.connectionCount, 0);
    assert.equal(server.inFlight, 1);
    assert.ok(RpcError.is(reasons[0], 1));
    go.resolve();
    await settle();
    assert.equal(server.inFlight, 0);
    assert.deepEqual(peer.pending, []);
  });

  it("closes connections that come later at once", async () => {
    const { server } = serve();
    await server.close();
    const near = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
    server.handleConnection(near);
    assert.equal(near.destroyed, true);
    assert.equal(server.connectionCount, 0);
  });

  it("is what disposal does", async () => {
    const { server } = serve();
    {
      await using disposed = server;
      assert.equal(disposed.stopped, false);
    }
    assert.equal(server.stopped, true);
  });
});
