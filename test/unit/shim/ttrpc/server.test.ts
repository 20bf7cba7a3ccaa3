/** What a server answers to what: the checklist of the protocol, row by row. */
import assert from "node:assert/strict";
import { Request } from "../../../../protos/gen/ttrpc.ts";
import { MAX_MESSAGE_LENGTH, RpcError, Server } from "../../../../shim/ttrpc/index.ts";
import type { CallContext } from "../../../../shim/ttrpc/index.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { createDeferred } from "../../../../hcs/deferred.ts";
import { frameBytes, settle } from "./raw-peer.ts";
import type { RawPeer } from "./raw-peer.ts";
import { ECHO, Probe, any, callUnary, join, nameIn, serve } from "./services.ts";

const SERVICE = Probe.typeName;

/** Asserts that the connection still serves, and that nothing came before the answer. */
async function assertServes(peer: RawPeer, streamId: number): Promise<void> {
  callUnary(peer, streamId, `ping ${streamId}`);
  const response = await peer.nextResponse();
  assert.equal(response.streamId, streamId);
  assert.equal(response.code, 0);
  assert.equal(nameIn(response.payload), `ping ${streamId}`);
}

/** A request whose frame has a body of exactly `length` bytes. */
function requestOfLength(length: number): Buffer {
  const shape = { service: SERVICE, method: "Unary" };
  for (let size = length - 100; ; size++) {
    const body = Request.encode({ ...shape, payload: any("x", Buffer.alloc(size)) });
    if (body.length === length) return Buffer.from(body);
    assert.ok(body.length < length, "no request has this length");
  }
}

describe("Server", () => {
  it("answers in the order in which handlers are done (row 1)", async () => {
    const slow = createDeferred<void>();
    const { peer } = serve({
      Unary: async (request) => {
        if (request.typeUrl === "slow") await slow.promise;
        return request;
      },
    });
    callUnary(peer, 1, "slow");
    callUnary(peer, 3, "fast");
    assert.equal((await peer.nextResponse()).streamId, 3);
    slow.resolve();
    assert.equal((await peer.nextResponse()).streamId, 1);
  });

  for (const [how, size] of [
    ["in one write", Infinity],
    ["byte by byte", 1],
  ] as const) {
    it(`serves 100 requests that come ${how} (row 2)`, async () => {
      const { peer } = serve();
      const ids = Array.from({ length: 100 }, (_, index) => 2 * index + 1);
      const bytes = Buffer.concat(
        ids.map((id) =>
          frameBytes(id, 1, 0, Request.encode({ service: SERVICE, method: "Unary", payload: any(`${id}`) })),
        ),
      );
      for (let at = 0; at < bytes.length; at += size) peer.bytes(bytes.subarray(at, at + size));
      for (const id of ids) {
        const response = await peer.nextResponse();
        assert.equal(response.streamId, id);
        assert.equal(nameIn(response.payload), `${id}`);
      }
    });
  }

  it("answers requests that came in one write, and are answered at once, in one write", async () => {
    const { peer } = serve({ Unary: async (request) => request });
    const body = Request.encode({ service: SERVICE, method: "Unary", payload: any("x") });
    const chunksOf = async (firstId: number): Promise<number> => {
      const before = peer.chunks.length;
      const ids = Array.from({ length: 20 }, (_, index) => firstId + 2 * index);
      peer.bytes(Buffer.concat(ids.map((id) => frameBytes(id, 1, 0, body))));
      for (const id of ids) assert.equal((await peer.nextResponse()).streamId, id);
      return peer.chunks.length - before;
    };
    // Where the memory that connections share comes to its end, one write has two chunks. It cannot twice in a row.
    assert.equal(Math.min(await chunksOf(1), await chunksOf(41)), 1);
  });

  it("takes a message of the greatest length (row 3)", async () => {
    const { peer } = serve({ Unary: (request) => ({ typeUrl: `${request.value.length}` }) });
    const body = requestOfLength(MAX_MESSAGE_LENGTH);
    peer.send(1, 1, 0, body);
    const response = await peer.nextResponse();
    assert.equal(response.code, 0);
    assert.ok(Number(nameIn(response.payload)) > MAX_MESSAGE_LENGTH - 100);
  });

  it("refuses a longer one on its own stream and goes on (row 4)", async () => {
    const { peer } = serve();
    peer.send(1, 1, 0, requestOfLength(MAX_MESSAGE_LENGTH + 1));
    assert.deepEqual(await peer.nextResponse(), {
      streamId: 1,
      code: 8,
      message: "message length 4194305 exceed maximum message size of 4194304",
      payload: Buffer.alloc(0),
    });
    // The id does not count as used.
    await assertServes(peer, 1);
  });

  it("answers with an error instead of a reply that is too long (row 5)", async () => {
    const { peer } = serve({
      Unary: (request) => ({ value: Buffer.alloc(Number(request.typeUrl)) }),
    });
    callUnary(peer, 1, `${MAX_MESSAGE_LENGTH}`);
    const response = await peer.nextResponse();
    assert.equal(response.code, 8);
    assert.match(response.message, /^message length 41943\d\d exceed maximum message size of 4194304$/);
    // 4 for the tag and the length of the message's field, 5 for those of the payload.
    callUnary(peer, 3, `${MAX_MESSAGE_LENGTH - 10}`);
    const longest = await peer.nextFrame();
    assert.equal(longest.body.length, MAX_MESSAGE_LENGTH);
    callUnary(peer, 5, `${MAX_MESSAGE_LENGTH - 9}`);
    assert.equal((await peer.nextResponse()).code, 8);
  });

  for (const id of [0, 2, 0xffff_fffe]) {
    it(`refuses a request with the even id ${id} (row 6)`, async () => {
      const { peer } = serve();
      callUnary(peer, id, "x");
      const { streamId, code, message } = await peer.nextResponse();
      assert.deepEqual(
        [streamId, code, message],
        [id, 3, "StreamID must be odd for client initiated streams"],
      );
      await assertServes(peer, 1);
    });
  }

  it("refuses an id that was used, or is lower than one that was (row 7)", async () => {
    const { peer } = serve();
    await assertServes(peer, 5);
    for (const id of [5, 3, 1]) {
      callUnary(peer, id, "x");
      const { streamId, code, message } = await peer.nextResponse();
      assert.deepEqual([streamId, code, message], [id, 3, "StreamID cannot be re-used and must increment"]);
    }
    await assertServes(peer, 4_294_967_295);
  });

  for (const [request, message] of [
    [{ service: "test.Other", method: "Unary" }, "service test.Other"],
    [{ service: SERVICE, method: "Other" }, "method Other"],
    [{ service: SERVICE, method: "toString" }, "method toString"],
    [{}, "service "],
  ] as const) {
    it(`answers "${message}" to what it does not know (row 8)`, async () => {
      const { peer } = serve();
      peer.request(1, request);
      const response = await peer.nextResponse();
      assert.deepEqual([response.code, response.message, response.payload.length], [12, message, 0]);
      await assertServes(peer, 3);
    });
  }

  it("refuses a frame that is no request (row 9)", async () => {
    const { peer } = serve();
    peer.send(1, 1, 0, Buffer.from("ffffffffff", "hex"));
    const response = await peer.nextResponse();
    assert.equal(response.code, 3);
    assert.match(response.message, /^unmarshal request error: /);
    await assertServes(peer, 3);
  });

  it("refuses a payload that is not the method's (row 10)", async () => {
    const { peer, server } = serve();
    peer.request(1, { service: SERVICE, method: "Unary", payload: Buffer.from("0a05", "hex") });
    const response = await peer.nextResponse();
    assert.equal(response.code, 13);
    assert.match(response.message, /^ttrpc: error unmarshalling payload: /);
    assert.equal(server.inFlight, 0);
    await assertServes(peer, 3);
  });

  for (const type of [0, 2, 4, 255]) {
    it(`ignores frames of type ${type} (row 11)`, async () => {
      const { peer } = serve();
      for (const id of [1, 2, 99]) peer.send(id, type, 0xff, Buffer.from("anything"));
      await assertServes(peer, 1);
    });
  }

  it("ignores data on the id of a call that is running, which then answers (row 12)", async () => {
    const slow = createDeferred<void>();
    const { peer } = serve({
      Unary: async (request) => {
        if (request.typeUrl === "slow") await slow.promise;
        return request;
      },
    });
    callUnary(peer, 1, "slow");
    peer.data(1, any("surprise"));
    peer.halfClose(1);
    await assertServes(peer, 3);
    slow.resolve();
    const response = await peer.nextResponse();
    assert.deepEqual([response.streamId, nameIn(response.payload)], [1, "slow"]);
  });

  it("ignores data on the id of a call that is over (row 12)", async () => {
    const { peer } = serve();
    await assertServes(peer, 1);
    peer.data(1, any("late"));
    peer.halfClose(1);
    await assertServes(peer, 3);
  });

  it("refuses data on an id that was never used (row 12)", async () => {
    const { peer } = serve();
    peer.data(7, any("early"));
    const { streamId, code, message } = await peer.nextResponse();
    assert.deepEqual([streamId, code, message], [7, 3, "StreamID is no longer active"]);
    await assertServes(peer, 1);
  });

  const THROWN: readonly (readonly [what: string, thrown: () => unknown, code: number, message: string])[] = [
    ["throws an error", () => new Error("broken"), 2, "broken"],
    ["throws a status", () => new RpcError(5, 'task "web": not found'), 5, 'task "web": not found'],
    ["throws nothing", () => undefined, 2, "handler failed without an error"],
    ["throws null", () => null, 2, "handler failed without an error"],
    ["throws a string", () => "broken", 2, "broken"],
  ];
  for (const [what, thrown, code, message] of THROWN) {
    for (const how of ["at once", "later"]) {
      it(`survives a handler that ${what} ${how} (row 13)`, async () => {
        const { peer, server } = serve({
          Unary: (request) => {
            if (request.typeUrl !== "bad") return request;
            if (how === "at once") throw thrown();
            return Promise.resolve().then(() => {
              throw thrown();
            });
          },
        });
        callUnary(peer, 1, "bad");
        const response = await peer.nextResponse();
        assert.deepEqual([response.code, response.message, response.payload.length], [code, message, 0]);
        assert.equal(server.inFlight, 0);
        await assertServes(peer, 3);
      });
    }
  }

  for (const reply of [undefined, null]) {
    it(`answers with an error when a handler gives ${reply}`, async () => {
      const { peer } = serve({ Unary: () => reply as never });
      callUnary(peer, 1, "x");
      const response = await peer.nextResponse();
      assert.deepEqual([response.code, response.message], [2, "ttrpc: marshal called with nil"]);
    });
  }

  it("answers with an error when a reply cannot be encoded", async () => {
    const { peer } = serve({
      Unary: (request) => (request.typeUrl === "bad" ? ({ typeUrl: 7 } as never) : request),
    });
    callUnary(peer, 1, "bad");
    const response = await peer.nextResponse();
    assert.equal(response.code, 13);
    assert.match(response.message, /^ttrpc: error marshalling payload: /);
    await assertServes(peer, 3);
  });

  it("sends nothing but a header for an empty reply", async () => {
    const { peer } = serve({ Unary: () => ({}) });
    callUnary(peer, 1, "x");
    assert.deepEqual(await peer.nextFrame(), { streamId: 1, type: 2, flags: 0, body: Buffer.alloc(0) });
  });

  it("releases handlers whose client has gone, and lets them finish (row 14)", async () => {
    const contexts: CallContext[] = [];
    const finish = createDeferred<void>();
    let finished = 0;
    const { peer, server, diagnostics } = serve({
      Unary: async (request, context) => {
        if (request.typeUrl.startsWith("ping")) return request;
        contexts.push(context);
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve, { once: true }));
        await finish.promise;
        finished++;
        if (request.typeUrl === "fails") throw new Error("nobody hears this");
        return {};
      },
    });
    const other = join(server);
    callUnary(peer, 1, "succeeds");
    callUnary(peer, 3, "fails");
    await assertServes(other, 1);
    assert.equal(server.inFlight, 2);
    peer.stream.end();
    await settle();
    for (const { signal } of contexts) assert.ok(RpcError.is(signal.reason, 1));
    assert.equal(server.connectionCount, 1);
    assert.equal(server.inFlight, 2);
    finish.resolve();
    await settle();
    assert.equal(finished, 2);
    assert.equal(server.inFlight, 0);
    const ends = diagnostics.filter((diagnostic) => diagnostic.kind === "call-finished");
    assert.deepEqual(
      ends.map(({ streamId, delivered, code }) => [streamId, delivered, code]),
      [
        [1, true, 0],
        [1, false, 0],
        [3, false, 2],
      ],
    );
    await assertServes(other, 3);
  });

  it("takes a connection on which nothing is sent (row 15)", async () => {
    const { peer, server, diagnostics } = serve();
    peer.stream.end();
    await settle();
    assert.equal(server.connectionCount, 0);
    assert.deepEqual(
      diagnostics.map(({ kind }) => kind),
      ["connection-opened", "connection-closed"],
    );
    assert.equal(diagnostics[1]?.kind === "connection-closed" && diagnostics[1].cause, undefined);
  });

  it("stops reading from a client that does not read (row 18)", async () => {
    const size = 100_000;
    let calls = 0;
    const { peer, server, diagnostics } = serve(
      {
        Unary: () => {
          calls++;
          return { value: Buffer.alloc(size) };
        },
      },
      { maxQueuedBytes: 1_000_000 },
    );
    peer.stream.pause();
    const requests = 500;
    const body = Request.encode({ service: SERVICE, method: "Unary" });
    peer.bytes(
      Buffer.concat(Array.from({ length: requests }, (_, index) => frameBytes(2 * index + 1, 1, 0, body))),
    );
    await settle();
    // All requests have arrived in one chunk; those beyond the limit must not even be started.
    assert.ok(calls <= 12, `${calls} calls of ${size} bytes each were served`);
    assert.equal(diagnostics.filter(({ kind }) => kind === "reading-paused").length, 1);
    peer.stream.resume();
    for (let index = 0; index < requests; index++) {
      assert.equal((await peer.nextFrame()).streamId, 2 * index + 1);
    }
    assert.equal(calls, requests);
    assert.equal(server.inFlight, 0);
    assert.equal(diagnostics.at(-1)?.kind, "reading-resumed");
  });

  for (const timeoutNano of [-1n, -9223372036854775808n]) {
    it(`calls the handler of a request with a timeout of ${timeoutNano} ns (row 19)`, async () => {
      const { peer } = serve({
        Unary: (request, { signal }) => {
          if (request.typeUrl === "looks") signal.throwIfAborted();
          return request;
        },
      });
      peer.request(1, { service: SERVICE, method: "Unary", payload: any("looks"), timeoutNano });
      const response = await peer.nextResponse();
      assert.deepEqual([response.code, response.message], [4, "context deadline exceeded"]);
      peer.request(3, { service: SERVICE, method: "Unary", payload: any("does not"), timeoutNano });
      assert.equal(nameIn((await peer.nextResponse()).payload), "does not");
    });
  }

  it("leaves no timer for the deadline of a call that has been answered", async () => {
    const clock = new ManualClock();
    const { peer } = serve(
      {
        Unary: (request, { signal }) => {
          assert.equal(signal.aborted, false);
          return request;
        },
      },
      { clock },
    );
    peer.request(1, { service: SERVICE, method: "Unary", timeoutNano: 1_000_000_000n });
    assert.equal((await peer.nextResponse()).code, 0);
    assert.deepEqual(clock.pending, []);
  });

  it("hands over metadata with several values per key (row 20)", async () => {
    const { peer } = serve({
      Unary: (_, { metadata }) => ({ typeUrl: `${metadata.getAll("k").join(",")} ${metadata.get("other")}` }),
    });
    const metadata = [
      { key: "k", value: "1" },
      { key: "other", value: "2" },
      { key: "k", value: "3" },
    ];
    peer.request(1, { service: SERVICE, method: "Unary", metadata });
    assert.equal(nameIn((await peer.nextResponse()).payload), "1,3 2");
  });

  it("tells a handler who calls and what", async () => {
    const seen: CallContext[] = [];
    const { peer, server } = serve({
      Unary: (request, context) => {
        seen.push(context);
        return request;
      },
    });
    await assertServes(peer, 1);
    await assertServes(peer, 3);
    await assertServes(join(server), 1);
    assert.deepEqual(
      seen.map(({ service, method }) => `${service}/${method}`),
      Array.from({ length: 3 }, () => "test.Probe/Unary"),
    );
    const [first, second, third] = seen;
    assert.equal(first?.connection, second?.connection);
    assert.notEqual(first?.connection.id, third?.connection.id);
  });

  it("ignores the flags of a unary request", async () => {
    const { peer } = serve();
    for (const [streamId, flags] of [
      [1, 1],
      [3, 2],
      [5, 0xff],
    ] as const) {
      peer.request(streamId, { service: SERVICE, method: "Unary", payload: any("x") }, flags);
      assert.equal((await peer.nextResponse()).code, 0);
    }
  });
});

describe("Server.register", () => {
  it("refuses a service twice", () => {
    const server = new Server().register(Probe, ECHO);
    assert.throws(() => server.register(Probe, ECHO), {
      name: "TypeError",
      message: 'cannot register service "test.Probe": it is registered already',
    });
  });

  it("refuses a service with a method nobody handles", () => {
    const { Chat: _, ...handlers } = ECHO;
    assert.throws(() => new Server().register(Probe, handlers as typeof ECHO), {
      message: 'cannot register service "test.Probe": method "Chat" has no handler',
    });
  });

  it("takes an object with methods", async () => {
    class Handlers {
      readonly #greeting = "hello";
      readonly Upload = ECHO.Upload;
      readonly Download = ECHO.Download;
      readonly Chat = ECHO.Chat;
      Unary(): { typeUrl: string } {
        return { typeUrl: this.#greeting };
      }
    }
    const peer = join(new Server().register(Probe, new Handlers()));
    callUnary(peer, 1, "x");
    assert.equal(nameIn((await peer.nextResponse()).payload), "hello");
  });

  it("serves one set of handlers under several names", async () => {
    const seen: string[] = [];
    const handlers = {
      ...ECHO,
      Unary: (request: { typeUrl: string }, { service }: CallContext) => {
        seen.push(service);
        return request;
      },
    };
    const server = new Server()
      .register(Probe, handlers)
      .register({ ...Probe, typeName: "test.v3.Probe" }, handlers);
    const peer = join(server);
    callUnary(peer, 1, "x");
    peer.request(3, { service: "test.v3.Probe", method: "Unary" });
    await peer.nextResponse();
    await peer.nextResponse();
    assert.deepEqual(seen, ["test.Probe", "test.v3.Probe"]);
  });
});
