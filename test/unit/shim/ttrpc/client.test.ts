/** Unary calls of a client, against a peer that answers what the test says. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { Duplex, duplexPair } from "node:stream";
import { Response } from "../../../../protos/gen/ttrpc.ts";
import {
  Client,
  Code,
  MAX_MESSAGE_LENGTH,
  Metadata,
  isConnectionClosed,
} from "../../../../shim/ttrpc/index.ts";
import type { CallOptions, ClientOptions, Diagnostic } from "../../../../shim/ttrpc/index.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { RawPeer, settle } from "./raw-peer.ts";
import { Probe, any, nameIn } from "./services.ts";

function open(options: ClientOptions = {}): { client: Client; peer: RawPeer; diagnostics: Diagnostic[] } {
  const [near, far] = duplexPair();
  const diagnostics: Diagnostic[] = [];
  const client = new Client(near, { ...options, onDiagnostic: (diagnostic) => diagnostics.push(diagnostic) });
  return { client, peer: new RawPeer(far), diagnostics };
}

function call(client: Client, name: string, options?: CallOptions): Promise<string> {
  return client.call(Probe, "Unary", { typeUrl: name }, options).then(({ typeUrl }) => typeUrl);
}

/** A stream into which nothing more can be written, as when the peer has stopped. */
function stuckStream(): Duplex {
  return new Duplex({ read: () => {}, write: () => {} });
}

describe("Client.call", () => {
  it("sends the request and gives the reply", async () => {
    const { client, peer } = open();
    const reply = call(client, "hello");
    const { streamId, flags, request } = await peer.nextRequest();
    assert.deepEqual([streamId, flags], [1, 0]);
    assert.deepEqual(
      [request.service, request.method, nameIn(request.payload)],
      ["test.Probe", "Unary", "hello"],
    );
    assert.deepEqual([request.timeoutNano, request.metadata], [0n, []]);
    peer.respond(1, { payload: any("goodbye") });
    assert.equal(await reply, "goodbye");
    assert.equal(client.inFlight, 0);
  });

  it("takes odd ids one after the other and answers in any order", async () => {
    const { client, peer } = open();
    const replies = ["a", "b", "c"].map((name) => call(client, name));
    const ids: number[] = [];
    for (let index = 0; index < 3; index++) ids.push((await peer.nextRequest()).streamId);
    assert.deepEqual(ids, [1, 3, 5]);
    for (const id of [5, 1, 3]) peer.respond(id, { payload: any(`for ${id}`) });
    assert.deepEqual(await Promise.all(replies), ["for 1", "for 3", "for 5"]);
  });

  it("sends all requests of one turn in one write", async () => {
    const { client, peer } = open();
    const replies = Array.from({ length: 50 }, (_, index) => call(client, `${index}`));
    for (let index = 0; index < 50; index++) peer.respond((await peer.nextRequest()).streamId, {});
    await Promise.all(replies);
    assert.equal(peer.chunks.length, 1);
  });

  it("takes a response without anything for success", async () => {
    const { client, peer } = open();
    const reply = client.call(Probe, "Unary", {});
    await peer.nextRequest();
    peer.send(1, 2, 0);
    assert.deepEqual(await reply, { typeUrl: "", value: new Uint8Array(0) });
  });

  it("takes a status with code 0 for success", async () => {
    const { client, peer } = open();
    const reply = call(client, "x");
    peer.respond(1, { status: { code: 0, message: "fine", details: [] }, payload: any("y") });
    assert.equal(await reply, "y");
  });

  it("throws the status, with the caller in the stack", async () => {
    const { client, peer } = open();
    const details = [{ typeUrl: "t", value: new Uint8Array([118]) }];
    async function theCaller(): Promise<void> {
      await client.call(Probe, "Unary", {});
    }
    const failed = theCaller();
    peer.respond(1, { status: { code: 5, message: 'task "web": not found', details } });
    await assert.rejects(failed, (error: Error) => {
      assert.deepEqual(
        { ...error, message: error.message },
        { name: "RpcError", code: 5, details, message: 'task "web": not found' },
      );
      assert.match(error.stack ?? "", /theCaller/);
      return true;
    });
  });

  it("sends what is left of the timeout, and metadata", async () => {
    const clock = new ManualClock();
    const { client, peer } = open({ clock });
    const metadata = { "Containerd-Namespace-TTRPC": "k8s.io", k: ["1", "2"] };
    const reply = call(client, "x", { timeoutMs: 1500, metadata });
    const { request } = await peer.nextRequest();
    assert.equal(request.timeoutNano, 1_500_000_000n);
    assert.deepEqual(request.metadata, [
      { key: "containerd-namespace-ttrpc", value: "k8s.io" },
      { key: "k", value: "1" },
      { key: "k", value: "2" },
    ]);
    peer.respond(1, {});
    await reply;
    assert.deepEqual(clock.pending, []);
  });

  it("takes metadata that was put together before", async () => {
    const { client, peer } = open();
    const reply = call(client, "x", { metadata: new Metadata().append("k", "v") });
    assert.deepEqual((await peer.nextRequest()).request.metadata, [{ key: "k", value: "v" }]);
    peer.respond(1, {});
    await reply;
  });

  it("gives up at its deadline, forgets the id and drops the late answer", async () => {
    const clock = new ManualClock();
    const { client, peer, diagnostics } = open({ clock });
    const failed = assert.rejects(call(client, "x", { timeoutMs: 1000 }), {
      code: Code.DeadlineExceeded,
      message: 'cannot call "test.Probe/Unary": no answer within 1000 ms',
    });
    await peer.nextRequest();
    await clock.advance(1000);
    await failed;
    assert.equal(client.inFlight, 0);
    peer.respond(1, { payload: any("late") });
    const next = call(client, "y");
    const { streamId } = await peer.nextRequest();
    peer.respond(streamId, { payload: any("z") });
    assert.equal(await next, "z");
    const ignored = diagnostics.filter(({ kind }) => kind === "frame-ignored");
    assert.equal(ignored.length, 1);
  });

  for (const timeoutMs of [0, -1]) {
    it(`does not send a call with a timeout of ${timeoutMs} ms`, async () => {
      const { client, peer } = open();
      await assert.rejects(call(client, "x", { timeoutMs }), { code: Code.DeadlineExceeded });
      const reply = call(client, "y");
      assert.equal(nameIn((await peer.nextRequest()).request.payload), "y");
      peer.respond(1, {});
      await reply;
    });
  }

  it("takes an endless timeout for none, and refuses one that is no number", async () => {
    const { client, peer } = open();
    const reply = call(client, "x", { timeoutMs: Infinity });
    assert.equal((await peer.nextRequest()).request.timeoutNano, 0n);
    peer.respond(1, {});
    await reply;
    await assert.rejects(call(client, "x", { timeoutMs: NaN }), { name: "RangeError" });
  });

  it("gives up when its signal says so, and tells the server nothing", async () => {
    const { client, peer } = open();
    const controller = new AbortController();
    const failed = assert.rejects(call(client, "x", { signal: controller.signal, timeoutMs: 1000 }), {
      code: Code.Canceled,
      message: 'cannot call "test.Probe/Unary": enough',
    });
    await peer.nextRequest();
    controller.abort(new Error("enough"));
    await failed;
    assert.equal(client.inFlight, 0);
    await settle();
    assert.deepEqual(peer.pending, []);
  });

  it("does not send a call whose signal has been aborted before", async () => {
    const { client, peer } = open();
    await assert.rejects(call(client, "x", { signal: AbortSignal.abort() }), { code: Code.Canceled });
    await settle();
    assert.deepEqual(peer.pending, []);
  });

  it("calls the end of AbortSignal.timeout() a deadline", async () => {
    const { client } = open();
    await assert.rejects(call(client, "x", { signal: AbortSignal.timeout(1) }), {
      code: Code.DeadlineExceeded,
    });
  });

  it("leaves no listener on the signal", async () => {
    const { client, peer } = open();
    const { signal } = new AbortController();
    const reply = call(client, "x", { signal });
    assert.equal(getEventListeners(signal, "abort").length, 1);
    peer.respond(1, {});
    await reply;
    assert.equal(getEventListeners(signal, "abort").length, 0);
  });

  it("refuses a request that is too long and takes no id for it", async () => {
    const { client, peer } = open();
    await assert.rejects(client.call(Probe, "Unary", { value: Buffer.alloc(MAX_MESSAGE_LENGTH) }), {
      code: Code.ResourceExhausted,
      message:
        /^cannot call "test.Probe\/Unary": message length 41943\d\d exceed maximum message size of 4194304$/,
    });
    const reply = call(client, "x");
    assert.equal((await peer.nextRequest()).streamId, 1);
    peer.respond(1, {});
    await reply;
  });

  it("fails when the answer is too long, and the connection goes on", async () => {
    const { client, peer } = open();
    const failed = assert.rejects(call(client, "x"), {
      code: Code.ResourceExhausted,
      message: "message length 4194305 exceed maximum message size of 4194304",
    });
    await peer.nextRequest();
    peer.send(1, 2, 0, Buffer.alloc(MAX_MESSAGE_LENGTH + 1));
    await failed;
    const reply = call(client, "y");
    peer.respond(3, {});
    await reply;
  });

  const BAD_ANSWERS: readonly (readonly [
    what: string,
    type: number,
    flags: number,
    body: Uint8Array,
    text: RegExp,
  ])[] = [
    ["that is no response", 2, 0, Buffer.from("0a05", "hex"), /^ttrpc: error unmarshalling payload: /],
    [
      "whose payload is not the method's",
      2,
      0,
      Response.encode({ payload: Buffer.from("0a05", "hex") }),
      /^ttrpc: error unmarshalling payload: /,
    ],
    ["with data", 3, 0, any("x"), /^protocol error: data in answer to unary call "test.Probe\/Unary"$/],
    ["with the end of a stream", 3, 5, Buffer.alloc(0), /^protocol error: data in answer to unary call/],
    ["with a request", 1, 0, Buffer.alloc(0), /^protocol error: frame type 1 has no meaning for a client$/],
    [
      "of an unknown type",
      9,
      0,
      Buffer.alloc(0),
      /^protocol error: frame type 9 has no meaning for a client$/,
    ],
  ];
  for (const [what, type, flags, body, message] of BAD_ANSWERS) {
    it(`fails alone when it gets an answer ${what}`, async () => {
      const { client, peer } = open();
      const other = call(client, "other");
      const failed = assert.rejects(call(client, "x"), { code: Code.Internal, message });
      peer.send(3, type, flags, body);
      await failed;
      peer.respond(3, {});
      peer.respond(1, { payload: any("answered") });
      assert.equal(await other, "answered");
      assert.equal(client.inFlight, 0);
    });
  }

  it("ignores frames for ids that nobody waits for", async () => {
    const { client, peer, diagnostics } = open();
    peer.respond(1, {});
    peer.data(7, any("x"));
    peer.send(8, 9, 0, Buffer.alloc(MAX_MESSAGE_LENGTH + 1));
    await settle();
    assert.equal(diagnostics.filter(({ kind }) => kind === "frame-ignored").length, 3);
    const reply = call(client, "x");
    await peer.nextRequest();
    peer.respond(1, { payload: any("y") });
    assert.equal(await reply, "y");
  });

  it("fails with the text that containerd compares when the connection ends", async () => {
    const { client, peer } = open();
    const failures = Promise.all(
      ["a", "b"].map((name) => assert.rejects(call(client, name), { message: "ttrpc: closed", code: 14 })),
    );
    await peer.nextRequest();
    peer.stream.end();
    await failures;
    assert.equal(await client.closed, undefined);
    assert.equal(client.inFlight, 0);
    await assert.rejects(call(client, "c"), isConnectionClosed);
  });

  it("says why the connection ended", async () => {
    const stream = stuckStream();
    const client = new Client(stream);
    const cause = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    const failed = assert.rejects(call(client, "a"), { message: "ttrpc: closed", cause });
    stream.destroy(cause);
    await failed;
    assert.equal(await client.closed, cause);
  });
});

describe("Client whose peer does not read", () => {
  it("keeps what it cannot send, up to a limit", async () => {
    const client = new Client(stuckStream(), {
      highWaterBytes: 10_000,
      maxQueuedBytes: 50_000,
      writeStallMs: 1e6,
    });
    const value = Buffer.alloc(9_000);
    const calls = Array.from({ length: 10 }, () =>
      client.call(Probe, "Unary", { value }).catch((error: unknown) => error),
    );
    const outcomes = await Promise.race([
      Promise.all(calls.slice(5)),
      settle().then(() => assert.fail("calls beyond the limit were not refused")),
    ]);
    for (const outcome of outcomes) {
      assert.ok(outcome instanceof Error);
      assert.match(outcome.message, /^cannot send \d+ bytes: \d+ bytes are queued, peer does not read$/);
    }
    await client.close();
    for (const outcome of await Promise.all(calls.slice(0, 5))) assert.ok(isConnectionClosed(outcome));
  });

  it("counts the time a call waits to be sent, and takes it back", async () => {
    const clock = new ManualClock();
    const stream = stuckStream();
    const client = new Client(stream, { clock, highWaterBytes: 1000, writeStallMs: 1e9 });
    const first = call(client, "x".repeat(2000)).catch((error: unknown) => error);
    await settle();
    const before = stream.writableLength;
    await assert.rejects(Promise.all([call(client, "y", { timeoutMs: 500 }), clock.advance(500)]), {
      code: Code.DeadlineExceeded,
    });
    assert.equal(stream.writableLength, before);
    assert.equal(client.queuedBytes, before);
    await client.close();
    await first;
  });

  it("never sends a call that expired while it waited", async () => {
    const clock = new ManualClock();
    const { client, peer } = open({ clock, highWaterBytes: 1000, writeStallMs: 1e9 });
    peer.stream.pause();
    const first = call(client, "x".repeat(100_000));
    const second = call(client, "y".repeat(100_000));
    const expired = assert.rejects(call(client, "expired", { timeoutMs: 500 }), {
      code: Code.DeadlineExceeded,
    });
    const last = call(client, "last");
    await clock.advance(500);
    await expired;
    peer.stream.resume();
    for (const [id, start] of [
      [1, "x"],
      [3, "y"],
      [5, "last"],
    ] as const) {
      const { streamId, request } = await peer.nextRequest();
      assert.equal(streamId, id);
      assert.ok(nameIn(request.payload).startsWith(start));
      peer.respond(id, {});
    }
    await Promise.all([first, second, last]);
  });

  it("has room again for what it has taken back", async () => {
    const clock = new ManualClock();
    const client = new Client(stuckStream(), {
      clock,
      highWaterBytes: 1000,
      maxQueuedBytes: 20_000,
      writeStallMs: 1e9,
    });
    const first = call(client, "x".repeat(2000)).catch((error: unknown) => error);
    for (let round = 0; round < 10; round++) {
      const expired = assert.rejects(call(client, "y".repeat(9000), { timeoutMs: 500 }), {
        code: Code.DeadlineExceeded,
      });
      await clock.advance(500);
      await expired;
    }
    await client.close();
    await first;
  });

  it("sends what waited, in order and with what is left of its time, when the peer reads again", async () => {
    const clock = new ManualClock();
    const { client, peer } = open({ clock, highWaterBytes: 1000, writeStallMs: 1e9 });
    peer.stream.pause();
    const names = ["a", "b", "c", "d"].map((name) => name.repeat(100_000));
    const replies = names.map((name) => call(client, name, { timeoutMs: 1000 }));
    await settle();
    await clock.advance(400);
    peer.stream.resume();
    const timeouts: bigint[] = [];
    for (const [index, name] of names.entries()) {
      const { streamId, request } = await peer.nextRequest();
      assert.equal(streamId, 2 * index + 1);
      assert.equal(nameIn(request.payload), name);
      timeouts.push(request.timeoutNano);
      peer.respond(streamId, {});
    }
    assert.equal(timeouts[0], 1_000_000_000n);
    assert.equal(timeouts[3], 600_000_000n);
    await Promise.all(replies);
  });

  it("is cut off after a while, and says so", async () => {
    const clock = new ManualClock();
    const diagnostics: Diagnostic[] = [];
    const client = new Client(stuckStream(), {
      clock,
      writeStallMs: 3000,
      onDiagnostic: (diagnostic) => diagnostics.push(diagnostic),
    });
    const failed = assert.rejects(call(client, "x"), isConnectionClosed);
    await settle();
    await clock.advance(3000);
    await failed;
    const cause = await client.closed;
    assert.match(cause?.message ?? "", /^cannot send \d+ bytes: peer has not read for 3000 ms$/);
    const closed = diagnostics.find(({ kind }) => kind === "connection-closed");
    assert.equal(closed?.kind === "connection-closed" && closed.cause, cause);
  });
});

describe("Client.callRaw", () => {
  it("calls a method by its name", async () => {
    const { client, peer } = open();
    const reply = client.callRaw("some.Service", "Method", Buffer.from("in"));
    const { request } = await peer.nextRequest();
    assert.deepEqual([request.service, request.method], ["some.Service", "Method"]);
    assert.equal(Buffer.from(request.payload).toString(), "in");
    peer.respond(1, { payload: Buffer.from("out") });
    assert.equal(Buffer.from(await reply).toString(), "out");
  });
});

describe("Client.close", () => {
  it("fails what is under way", async () => {
    const { client } = open();
    const failed = assert.rejects(call(client, "x"), isConnectionClosed);
    await client.close();
    await failed;
    await client.close();
  });

  it("is what disposal does", async () => {
    const { client } = open();
    {
      await using disposed = client;
      assert.equal(disposed.inFlight, 0);
    }
    await assert.rejects(call(client, "x"), isConnectionClosed);
  });
});

describe("Client, statically", () => {
  it("takes unary methods for calls and the others for streams", () => {
    const { client } = open();
    // @ts-expect-error "Chat" takes and gives a stream
    client.call(Probe, "Chat", {}).catch(() => {});
    // @ts-expect-error "Unary" does neither
    client.stream(Probe, "Unary");
    // @ts-expect-error a number is no type URL
    assert.throws(() => client.stream(Probe, "Download", { request: { typeUrl: 1 } }));
  });
});
