import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createServer } from "node:net";
import { duplexPair } from "node:stream";
import sinon from "sinon";
import {
  CALLS_CHANNEL,
  Client,
  DIAGNOSTICS_CHANNEL,
  RpcError,
  Server,
} from "../../../../shim/ttrpc/index.ts";
import type { Diagnostic } from "../../../../shim/ttrpc/index.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { settle } from "./raw-peer.ts";
import { ECHO, Probe } from "./services.ts";

const CHANNELS = [DIAGNOSTICS_CHANNEL, CALLS_CHANNEL];

describe("diagnostics", () => {
  const seen: Diagnostic[] = [];
  const listener = (message: unknown): void => void seen.push(message as Diagnostic);

  beforeEach(() => {
    seen.length = 0;
    for (const name of CHANNELS) subscribe(name, listener);
  });

  afterEach(() => {
    for (const name of CHANNELS) unsubscribe(name, listener);
  });

  it("tell of connections and calls on channels that anybody can listen to", async () => {
    const clock = new ManualClock();
    const server = new Server({ clock }).register(Probe, {
      ...ECHO,
      Unary: async (request) => {
        await clock.advance(25);
        if (request.typeUrl === "bad") throw new RpcError(5, "gone");
        return request;
      },
    });
    const [near, far] = duplexPair();
    server.handleConnection(far);
    const client = new Client(near);
    await client.call(Probe, "Unary", { typeUrl: "good" });
    await assert.rejects(client.call(Probe, "Unary", { typeUrl: "bad" }));
    await server.close();
    await client.close();
    await settle();

    const [opened] = seen;
    assert.ok(opened?.kind === "connection-opened" && opened.side === "server");
    const finished = seen.filter((diagnostic) => diagnostic.kind === "call-finished");
    assert.deepEqual(
      finished.map(({ connectionId, streamId, service, method, code, durationMs, delivered }) => ({
        connectionId,
        streamId,
        name: `${service}/${method}`,
        code,
        durationMs,
        delivered,
      })),
      [
        { streamId: 1, code: 0 },
        { streamId: 3, code: 5 },
      ].map((call) => ({
        connectionId: opened.connectionId,
        name: "test.Probe/Unary",
        durationMs: 25,
        delivered: true,
        ...call,
      })),
    );
    assert.ok(RpcError.is(finished[1]?.error, 5));
    assert.deepEqual(
      seen.filter(({ kind }) => kind !== "call-finished").map(({ kind, side }) => `${side} ${kind}`),
      [
        "server connection-opened",
        "client connection-opened",
        "server connection-closed",
        "client connection-closed",
      ],
    );
  });

  it("do not time calls for who listens to the other channel alone", async () => {
    unsubscribe(CALLS_CHANNEL, listener);
    const clock = new ManualClock();
    const monotonic = sinon.spy(clock, "monotonic");
    const server = new Server({ clock }).register(Probe, ECHO);
    const [near, far] = duplexPair();
    server.handleConnection(far);
    const client = new Client(near);
    await client.call(Probe, "Unary", { typeUrl: "good" });
    assert.equal(monotonic.callCount, 0);
    assert.deepEqual(
      seen.map(({ kind }) => kind),
      ["connection-opened", "connection-opened"],
    );
    await server.close();
    await client.close();
  });

  it("tell of connections that could not be accepted", async () => {
    const netServer = createServer();
    const server = new Server();
    server.serve(netServer);
    const error = new Error("accept EMFILE");
    netServer.emit("error", error);
    assert.deepEqual(seen, [{ kind: "accept-failed", side: "server", error }]);
    await server.close();
  });
});
