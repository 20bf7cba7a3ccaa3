import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packAny, unpackAny } from "../../../../protos/any.ts";
import { Events, TaskStart } from "../../../../protos/gen/events.ts";
import { Empty } from "../../../../protos/gen/google.ts";
import type { Envelope } from "../../../../protos/gen/types.ts";
import { timestampFromDate } from "../../../../protos/timestamp.ts";
import { EventPublisher, PUBLISHER_LIMITS } from "../../../../shim/events/publisher.ts";
import { TtrpcTransport } from "../../../../shim/events/ttrpc-transport.ts";
import { Code, RpcError, Server } from "../../../../shim/ttrpc/index.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { until } from "../../../support/until.ts";

describe("TtrpcTransport", () => {
  let directory: string;
  let path: string;
  let received: Envelope[];
  let answer: () => void;
  let transport: TtrpcTransport;
  const servers: Server[] = [];
  const forever = new AbortController().signal;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "events-"));
    path = join(directory, "containerd.sock.ttrpc");
    received = [];
    answer = () => undefined;
    transport = new TtrpcTransport(path);
  });
  afterEach(async () => {
    await transport.close();
    for (const server of servers.splice(0)) await server.close();
    await rm(directory, { recursive: true, force: true });
  });

  const serve = async (): Promise<Server> => {
    const server = new Server();
    server.register(Events, {
      Forward: ({ envelope }) => {
        answer();
        received.push(envelope!);
        return Empty.create();
      },
    });
    await server.listen({ path });
    servers.push(server);
    return server;
  };
  const event = (containerId: string): Envelope => ({
    timestamp: timestampFromDate(new Date(0)),
    namespace: "default",
    topic: "/tasks/start",
    event: packAny(TaskStart, { containerId, pid: 7 }),
  });
  const ids = (): (string | undefined)[] =>
    received.map(({ event: any }) => unpackAny(any!, TaskStart)?.containerId);

  it("forwards over one connection", async () => {
    const server = await serve();
    await transport.forward(event("a"), forever);
    await transport.forward(event("b"), forever);
    assert.deepEqual(ids(), ["a", "b"]);
    assert.equal(server.connectionCount, 1);
  });

  it("takes an address with its scheme", async () => {
    await serve();
    transport = new TtrpcTransport(`unix://${path}`);
    await transport.forward(event("a"), forever);
    assert.deepEqual(ids(), ["a"]);
  });

  it("connects again after containerd was restarted", async () => {
    const before = await serve();
    await transport.forward(event("a"), forever);
    await before.close();
    await serve();
    await transport.forward(event("b"), forever);
    assert.deepEqual(ids(), ["a", "b"]);
  });

  it("fails as away while nobody serves", async () => {
    await assert.rejects(transport.forward(event("a"), forever), { name: "Error", message: /ENOENT/ });
  });

  const answers: [code: number, kind: string, final?: boolean][] = [
    [Code.InvalidArgument, "EventRefusedError", true],
    [Code.Unimplemented, "EventRefusedError", true],
    [Code.Unknown, "EventRefusedError", false],
    [Code.Internal, "EventRefusedError", false],
    [Code.Unavailable, "RpcError"],
    [Code.DeadlineExceeded, "RpcError"],
  ];
  for (const [code, name, final] of answers) {
    it(`takes code ${code} for ${name}${final === true ? ", for good" : ""}`, async () => {
      await serve();
      answer = () => {
        throw new RpcError(code, "no");
      };
      await assert.rejects(transport.forward(event("a"), forever), {
        name,
        message: "no",
        ...(final === undefined ? {} : { final }),
      });
    });
  }

  it("leaves a containerd that does not answer, and connects anew", async () => {
    const mute = createServer((socket) => socket.resume());
    await new Promise<void>((resolve) => void mute.listen(path, resolve));
    const gone = new Promise<void>((resolve) => {
      mute.once("connection", (socket) => socket.once("close", () => resolve()));
    });
    const attempt = new AbortController();
    const forwarding = transport.forward(event("a"), attempt.signal);
    mute.once("connection", () => attempt.abort(new Error("attempt ran out of time")));
    await assert.rejects(forwarding, /attempt ran out of time/);
    mute.close();
    await gone;
    await serve();
    await transport.forward(event("b"), forever);
    assert.deepEqual(ids(), ["b"]);
  });

  it("carries a publisher across a restart of containerd, every event once and in order", async () => {
    const clock = new ManualClock();
    const publisher = new EventPublisher({ clock, namespace: "default", transport });
    const before = await serve();
    const publish = (from: number, to: number): void => {
      for (let id = from; id < to; id += 1) publisher.publish(TaskStart, { containerId: String(id) });
    };
    publish(0, 50);
    await publisher.flush(forever);
    await before.close();
    publish(50, 100);
    await until("the first attempt to fail", () => clock.pending.includes(PUBLISHER_LIMITS.retry.firstMs));
    await serve();
    await publisher.flush(forever);
    assert.deepEqual(
      ids(),
      Array.from({ length: 100 }, (_, id) => String(id)),
    );
    await publisher.close();
  });
});
