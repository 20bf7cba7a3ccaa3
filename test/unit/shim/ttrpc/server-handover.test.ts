/** A connection that another process goes on with: what it has to know, and what it does. */
import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import { createDeferred } from "../../../../hcs/deferred.ts";
import { Request } from "../../../../protos/gen/ttrpc.ts";
import { Code, Server, type ConnectionObserver } from "../../../../shim/ttrpc/index.ts";
import { until } from "../../../support/until.ts";
import { frameBytes, RawPeer, settle } from "./raw-peer.ts";
import { any, callUnary, ECHO, nameIn, Probe, serve } from "./services.ts";

const REQUEST = Request.encode({ service: Probe.typeName, method: "Unary", payload: any("again") });

/** Keeps what it is told, in words. */
function listening(): { readonly heard: string[]; readonly observer: ConnectionObserver } {
  const heard: string[] = [];
  return {
    heard,
    observer: {
      onOpened: () => void heard.push("opened"),
      onClosed: () => void heard.push("closed"),
      onPending: (_, streamId, request) =>
        void heard.push(`pending ${streamId} ${nameIn(Request.decode(request).payload)}`),
      onAnswered: (_, streamId) => void heard.push(`answered ${streamId}`),
      onPartial: (_, isPartial) => void heard.push(isPartial ? "within a frame" : "between frames"),
    },
  };
}

describe("Server with an observer", () => {
  it("tells of calls that are not answered at once, and of none else", async () => {
    const { heard, observer } = listening();
    const slow = createDeferred<void>();
    const { peer } = serve(
      {
        Unary: (request) => (request.typeUrl === "slow" ? slow.promise.then(() => request) : request),
      },
      { observer },
    );
    callUnary(peer, 1, "slow");
    callUnary(peer, 3, "fast");
    assert.equal((await peer.nextResponse()).streamId, 3);
    assert.deepEqual(heard, ["opened", "pending 1 slow"]);
    slow.resolve();
    await peer.nextResponse();
    assert.deepEqual(heard.slice(2), ["answered 1"]);
    peer.stream.end();
    await until("the connection to be closed", () => heard.length > 3);
    assert.deepEqual(heard.slice(3), ["closed"]);
  });

  it("tells while what was read ends within a frame", async () => {
    const { heard, observer } = listening();
    const { peer } = serve({}, { observer });
    const frame = frameBytes(1, 1, 0, REQUEST);
    peer.bytes(frame.subarray(0, 4));
    await settle();
    peer.bytes(frame.subarray(4, 20));
    await settle();
    assert.deepEqual(heard, ["opened", "within a frame"]);
    peer.bytes(frame.subarray(20));
    await peer.nextResponse();
    assert.deepEqual(heard.slice(2), ["between frames"]);
  });
});

describe("Server.handleConnection", () => {
  it("serves what an earlier server has left unanswered, and what comes then", async () => {
    const server = new Server().register(Probe, ECHO);
    const [near, far] = duplexPair();
    server.handleConnection(near, [
      { streamId: 7, request: REQUEST },
      { streamId: 3, request: REQUEST },
      { streamId: 5 },
    ]);
    const peer = new RawPeer(far);
    const answers = [await peer.nextResponse(), await peer.nextResponse(), await peer.nextResponse()];
    assert.deepEqual(
      answers.map(({ streamId, code }) => [streamId, code]),
      [
        [3, 0],
        [5, Code.Unavailable],
        [7, 0],
      ],
    );
    callUnary(peer, 9, "new");
    assert.equal(nameIn((await peer.nextResponse()).payload), "new");
    await server.close();
  });
});
