import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Envelope } from "../../../../../protos/gen/types.ts";
import { directEvents, pruneEvents } from "../../../../../shim/client/direct/events.ts";
import { FileTransport } from "../../../../../shim/events/file-transport.ts";
import { until } from "../../../../support/until.ts";

describe("pruneEvents", () => {
  let directory: string;
  let layout: { events: string; containers: string };
  let transport: FileTransport;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "events-"));
    layout = { events: join(directory, "events.jsonl"), containers: join(directory, "containers") };
    mkdirSync(layout.containers);
    transport = new FileTransport(layout.events);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const tell = (topic: string): Promise<void> =>
    transport.forward(
      Envelope.create({ namespace: "n", topic, event: { typeUrl: "t", value: new Uint8Array() } }),
    );

  it("puts a long file aside when no container is left", async () => {
    await tell("/a");
    await pruneEvents(layout, 10_000);
    assert.ok(existsSync(layout.events), "it is short");
    mkdirSync(join(layout.containers, "c"));
    await pruneEvents(layout, 10);
    assert.ok(existsSync(layout.events), "there is a container");
    rmSync(join(layout.containers, "c"), { recursive: true });
    for (const _time of [1, 2]) await pruneEvents(layout, 10);
    assert.ok(!existsSync(layout.events));
  });

  it("takes nothing from whoever reads along", async () => {
    await tell("/before");
    const over = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { topic } of directEvents(layout.events, over.signal)) seen.push(topic);
    })();
    const topics: string[] = [];
    const tellAll = async (count: number): Promise<void> => {
      for (let index = 0; index < count; index += 1) {
        const topic = `/${topics.length}`;
        topics.push(topic);
        await tell(topic);
      }
    };
    await until("the reader", async () => {
      await tellAll(1);
      return seen.length > 0;
    });
    await tellAll(3);
    await pruneEvents(layout, 10);
    await tellAll(2);
    await until("the rest", () => seen.at(-1) === topics.at(-1));
    // The subscription began at one of the first.
    assert.deepEqual(seen, topics.slice(-seen.length));
    over.abort();
    await reading;
  });
});
