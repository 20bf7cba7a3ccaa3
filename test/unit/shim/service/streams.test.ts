import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { duplexPair, type Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { packAny, unpackAny } from "../../../../protos/any.ts";
import type { Any } from "../../../../protos/gen/google.ts";
import { Data, StreamInit, Streaming, WindowUpdate } from "../../../../protos/gen/streaming.ts";
import { registerStreamingService, StreamRegistry } from "../../../../shim/service/streaming-service.ts";
import { Client, Server, type ClientStream } from "../../../../shim/ttrpc/index.ts";

import { turnsOfTheLoop } from "../../../support/turns.ts";
import { until } from "../../../support/until.ts";

const FOREVER = new AbortController().signal;

/** containerd's side of one stream. */
class Peer {
  readonly #stream: ClientStream<Any, Any>;
  readonly received: Buffer[] = [];
  /** Credit the shim has granted. */
  granted = 0;
  ended = false;

  private constructor(stream: ClientStream<Any, Any>) {
    this.#stream = stream;
  }

  static async open(client: Client, id: string): Promise<Peer> {
    const stream = client.stream(Streaming, "Stream", {});
    await stream.send(packAny(StreamInit, { id }));
    const peer = new Peer(stream);
    const first = await stream[Symbol.asyncIterator]().next();
    assert.equal(first.value?.typeUrl, "", "the stream is acknowledged with an empty message");
    void peer.#read();
    return peer;
  }

  async #read(): Promise<void> {
    try {
      for await (const message of this.#stream) {
        const data = unpackAny(message, Data);
        if (data !== undefined) this.received.push(Buffer.from(data.data));
        this.granted += unpackAny(message, WindowUpdate)?.update ?? 0;
      }
    } finally {
      this.ended = true;
    }
  }

  grant(bytes: number): Promise<void> {
    return this.#stream.send(packAny(WindowUpdate, { update: bytes }));
  }

  async write(bytes: Buffer): Promise<void> {
    this.granted -= bytes.length;
    await this.#stream.send(packAny(Data, { data: bytes }));
  }

  async end(): Promise<void> {
    await this.#stream.closeSend();
  }

  get text(): string {
    return Buffer.concat(this.received).toString();
  }
}

describe("streaming service", () => {
  let registry: StreamRegistry;
  let server: Server;
  let client: Client;
  let serverSide: Duplex;

  beforeEach(() => {
    registry = new StreamRegistry();
    server = new Server();
    registerStreamingService(server, registry);
    client = connect();
  });

  afterEach(async () => {
    await client.close();
    await server.close();
  });

  function connect(): Client {
    const [near, far] = duplexPair();
    server.handleConnection(far);
    serverSide = far;
    return new Client(near);
  }

  it("refuses a stream that does not begin with its name", async () => {
    const stream = client.stream(Streaming, "Stream", {});
    await stream.send(packAny(WindowUpdate, { update: 1 }));
    await assert.rejects(stream[Symbol.asyncIterator]().next(), /first message must be a StreamInit/);
  });

  it("sends output no further than it was granted, in messages of at most 32 KiB", async () => {
    const peer = await Peer.open(client, "web-stdout");
    const writer = await registry.writer("web-stdout", FOREVER);
    writer.write(Buffer.alloc(100_000, "x"));
    await turnsOfTheLoop();
    assert.equal(peer.text.length, 0);
    await peer.grant(65_536);
    await turnsOfTheLoop(60);
    assert.equal(peer.text.length, 65_536);
    assert.ok(peer.received.every((chunk) => chunk.length <= 32 * 1024));
    await peer.grant(65_536);
    writer.end();
    await once(writer, "close");
    await turnsOfTheLoop(60);
    assert.deepEqual([peer.text.length, peer.ended], [100_000, true]);
  });

  it("grants input as it is read, and ends with the client's half-close", async () => {
    const peer = await Peer.open(client, "web-stdin");
    const reader = await registry.reader("web-stdin", FOREVER);
    const everything = buffer(reader);
    const bytes = randomBytes(1_000_000);
    for (let offset = 0; offset < bytes.length;) {
      while (peer.granted <= 0) await turnsOfTheLoop(1);
      const chunk = bytes.subarray(offset, offset + Math.min(peer.granted, 32 * 1024));
      await peer.write(chunk);
      offset += chunk.length;
    }
    await peer.end();
    const digest = (data: Buffer): string => createHash("sha256").update(data).digest("hex");
    assert.equal(digest(await everything), digest(bytes));
  });

  it("grants nothing more to a client whose input is not read", async () => {
    const peer = await Peer.open(client, "web-stdin");
    const reader = await registry.reader("web-stdin", FOREVER);
    reader.read(0);
    await turnsOfTheLoop();
    assert.equal(peer.granted, 65_536);
    await peer.write(Buffer.alloc(65_536));
    await turnsOfTheLoop();
    assert.equal(peer.granted, 0);
    reader.destroy();
  });

  it("keeps input that came before the task was created", async () => {
    const peer = await Peer.open(client, "web-stdin");
    await peer.write(Buffer.from("early"));
    await peer.end();
    await turnsOfTheLoop();
    assert.equal((await buffer(await registry.reader("web-stdin", FOREVER))).toString(), "early");
  });

  it("waits for a stream that is named before it is opened, as long as the budget allows", async () => {
    const found = registry.writer("late", FOREVER);
    await Peer.open(client, "late");
    (await found).destroy();
    const budget = new AbortController();
    const never = registry.writer("never", budget.signal);
    budget.abort(new Error("budget is used up"));
    await assert.rejects(never, /budget is used up/);
  });

  it("goes on with a stream that containerd opens again after it was restarted", async () => {
    const before = await Peer.open(client, "web-stdout");
    const writer = await registry.writer("web-stdout", FOREVER);
    await before.grant(65_536);
    writer.write("one,");
    await turnsOfTheLoop();
    await client.close();
    serverSide.destroy();
    // What was under way when the connection broke is lost; what comes after waits.
    await until("the end of the connection", () => server.connectionCount === 0);
    await turnsOfTheLoop();
    writer.write("two");
    await turnsOfTheLoop();
    client = connect();
    const after = await Peer.open(client, "web-stdout");
    await after.grant(65_536);
    await turnsOfTheLoop();
    assert.deepEqual([before.text, after.text], ["one,", "two"]);
    writer.destroy();
  });
});
