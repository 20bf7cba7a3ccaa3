import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { Duplex, PassThrough, type Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { STDIO_CHANNEL, type StdioEvent } from "../../../../shim/io/diagnostics.ts";
import { Relay, RELAY_LIMITS, type RelayedProcess, type RelayOptions } from "../../../../shim/io/relay.ts";
import { openStdio } from "../../../../shim/io/stdio.ts";
import type { StdioRequest, UpstreamStdio } from "../../../../shim/io/upstream.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { until } from "../../../support/until.ts";
import { openOptions, requestOf, Workbench } from "./client.ts";
import { FakeProcess } from "./process.ts";

const MB = 1 << 20;

describe("Relay", () => {
  let bench: Workbench;
  let clock: ManualClock;
  let events: StdioEvent[];
  const relays: Relay[] = [];
  const processes: FakeProcess[] = [];
  const listen = (message: unknown): void => void events.push(message as StdioEvent);

  beforeEach(async () => {
    bench = await Workbench.make();
    clock = new ManualClock();
    events = [];
    subscribe(STDIO_CHANNEL, listen);
  });
  afterEach(async () => {
    for (const relay of relays.splice(0)) await relay.close();
    for (const process of processes.splice(0)) process.close();
    unsubscribe(STDIO_CHANNEL, listen);
    await bench.remove();
  });

  const start = async (...names: ("stdin" | "stdout" | "stderr")[]): Promise<FakeProcess> => {
    const process = await FakeProcess.make(bench, ...names);
    processes.push(process);
    return process;
  };
  const open = (init: Partial<StdioRequest>): Promise<UpstreamStdio> =>
    openStdio(requestOf(init), openOptions({ clock }));
  const join = (
    process: RelayedProcess,
    upstream: UpstreamStdio,
    init: Partial<RelayOptions> = {},
  ): Relay => {
    const relay = new Relay(process, upstream, {
      clock,
      subject: { namespace: "testing", containerId: "web" },
      isAlive: async () => true,
      ...init,
    });
    relays.push(relay);
    return relay;
  };
  const names = (): string[] => events.map(({ event }) => event);
  const forever = new AbortController().signal;

  describe("outputs", () => {
    it("arrive whole and in order at slow readers, both at once, 64 MB each", async function () {
      this.timeout(60_000);
      const [out, err] = [bench.fifo("out"), bench.fifo("err")];
      const readers = [bench.reader(out), bench.reader(err)] as const;
      const process = await start("stdout", "stderr");
      const relay = join(process, await open({ stdout: out, stderr: err }));
      const sent = await Promise.all([
        send(process.guest.stdout!, 64 * MB, 1),
        send(process.guest.stderr!, 64 * MB, 2),
        ...readers.map(async ({ socket }) => {
          const hash = createHash("sha256");
          for await (const chunk of socket) {
            hash.update(chunk as Buffer);
            // Slow: the pipe fills up again and again while this one is busy with itself.
            await new Promise((resolve) => setImmediate(resolve));
          }
          return hash.digest("hex");
        }),
      ]);
      assert.deepEqual([sent[2], sent[3]], [sent[0], sent[1]]);
      await relay.drained(forever);
      const { complete, stdout, stderr } = relay.progress;
      assert.deepEqual([complete, stdout!.deliveredBytes, stderr!.deliveredBytes], [true, 64 * MB, 64 * MB]);
      assert.deepEqual(names(), []);
    });

    it("end when the process closes them, before its exit is known, and the process is hung up on at once", async () => {
      const out = bench.fifo("out");
      const reader = bench.reader(out);
      const process = await start("stdout");
      join(process, await open({ stdout: out }));
      const { stdout } = process.guest;
      const hungUp = new Promise<void>((resolve) => void stdout!.once("end", resolve));
      stdout!.resume().end("bye");
      assert.equal(String(await reader.rest()), "bye");
      await hungUp;
    });

    it("push back on the process when nobody reads, without holding up the other", async () => {
      const [out, err] = [bench.fifo("out"), bench.fifo("err")];
      const reader = bench.reader(err);
      const process = await start("stdout", "stderr");
      const relay = join(process, await open({ stdout: out, stderr: err }));
      process.guest.stdout!.write(Buffer.alloc(16 * MB));
      const checksum = send(process.guest.stderr!, 16 * MB, 3);
      const received = createHash("sha256")
        .update(await reader.rest())
        .digest("hex");
      assert.equal(received, await checksum);
      await until("stdout to be paused", () => relay.progress.stdout!.pendingBytes > MB / 2);
      assert.ok(
        relay.progress.stdout!.readBytes <= 2 * MB,
        `${relay.progress.stdout!.readBytes} bytes were read`,
      );
      assert.equal(relay.progress.stdout!.ended, false);
    });

    it("of single bytes count for what they cost", async () => {
      const out = bench.fifo("out");
      const process = new FakeProcess({ stdout: asDuplex(new PassThrough()) });
      const relay = join(process, await open({ stdout: out }));
      for (let count = 0; count < 100_000; count += 1) process.stdio.stdout!.write("x");
      await until("the output to be paused", () => process.stdio.stdout!.isPaused());
      assert.ok(relay.progress.stdout!.pendingBytes < 10_000);
    });

    it("are taken in when the process has ended, so that a reader that is away holds up nothing", async () => {
      const out = bench.fifo("out");
      const process = await start("stdout");
      const relay = join(process, await open({ stdout: out }));
      const { stdout } = process.guest;
      const sent = send(stdout!, 3 * MB, 4);
      await until("the output to be paused", () => relay.progress.stdout!.pendingBytes > MB / 2);
      relay.processEnded();
      // The guest has passed on everything and was hung up on: now it reports the exit.
      const checksum = await sent;
      await until("the guest to be hung up on", () => stdout!.readableEnded);
      assert.equal(relay.progress.complete, false);

      const budget = new AbortController();
      const drained = relay.drained(budget.signal);
      budget.abort(new Error("drain ran out of time"));
      await drained;
      assert.equal(relay.progress.complete, false, "the budget is over, the delivery is not");

      const received = createHash("sha256")
        .update(await bench.reader(out).rest())
        .digest("hex");
      assert.equal(received, checksum);
      await relay.drained(forever);
      assert.equal(relay.progress.complete, true);
    });

    it("of a dead process are held for the reader up to a limit, then the source waits", async () => {
      const out = bench.fifo("out");
      const process = await start("stdout");
      const relay = join(process, await open({ stdout: out }));
      relay.processEnded();
      // A descendant that lives on and holds the pipe.
      const checksum = send(process.guest.stdout!, 32 * MB, 5);
      await until("the limit", () => relay.progress.stdout!.readBytes >= RELAY_LIMITS.retainedBytes - MB);
      assert.ok(relay.progress.stdout!.readBytes <= RELAY_LIMITS.retainedBytes + MB);
      const received = createHash("sha256")
        .update(await bench.reader(out).rest())
        .digest("hex");
      assert.equal(received, await checksum);
      assert.equal(relay.progress.stdout!.discardedBytes, 0);
    });

    it("of a killed process are read to the end at any rate; what is too much is thrown away and reported", async () => {
      const out = bench.fifo("out");
      const process = await start("stdout");
      const relay = join(process, await open({ stdout: out }), { limits: { retainedBytes: 2 * MB } });
      const sent = send(process.guest.stdout!, 32 * MB, 6);
      await until("the output to be paused", () => relay.progress.stdout!.pendingBytes > MB / 2);
      relay.lift();
      await sent;
      await until("the end of the output", () => relay.progress.stdout!.ended);
      const { discardedBytes } = relay.progress.stdout!;
      assert.ok(discardedBytes >= 29 * MB, `${discardedBytes} bytes were thrown away`);
      const received = await bench.reader(out).rest();
      assert.equal(received.length + discardedBytes, 32 * MB);
      await relay.drained(forever);
      assert.deepEqual(
        events.map(({ event, stream, bytes }) => [event, stream, bytes]),
        [["output-discarded", "stdout", discardedBytes]],
      );
    });

    it("are read on and thrown away when the client's end breaks", async () => {
      const broken = new Writable({
        write: (_chunk, _encoding, callback) => callback(new Error("write EPIPE")),
      });
      const process = await start("stdout", "stderr");
      const intact = new PassThrough();
      const relay = join(process, upstreamOf({ stdout: broken, stderr: intact }));
      const sent = send(process.guest.stdout!, 4 * MB, 7);
      process.guest.stderr!.end("fine");
      await sent;
      await until("the end of the output", () => relay.progress.stdout!.ended);
      assert.equal(relay.progress.stdout!.discardedBytes, 4 * MB);
      assert.equal(String(await readAll(intact)), "fine");
      await relay.drained(forever);
      assert.equal(relay.progress.complete, true);
      assert.deepEqual(names(), ["upstream-lost", "output-discarded"]);
      assert.match(String(events[0]!.error), /EPIPE/);
    });

    it("may fail at their very end, which is reported and no more", async () => {
      const full = new Writable({
        write: (_chunk, _encoding, callback) => callback(),
        final: (callback) => callback(new Error("ENOSPC")),
      });
      const process = await start("stdout");
      const relay = join(process, upstreamOf({ stdout: full }));
      process.guest.stdout!.end("x");
      await relay.drained(forever);
      assert.equal(relay.progress.complete, true);
      assert.deepEqual(names(), ["upstream-lost"]);
    });

    it("are thrown away when the client asked for none", async () => {
      const process = await start("stdout");
      const relay = join(process, upstreamOf({}));
      await send(process.guest.stdout!, 4 * MB, 8);
      await relay.drained(forever);
      assert.equal(relay.progress.stdout!.discardedBytes, 4 * MB);
      assert.deepEqual(names(), []);
    });

    it("end for the client when the stream to the process breaks", async () => {
      const out = bench.fifo("out");
      const reader = bench.reader(out);
      const source = asDuplex(new PassThrough());
      const process = new FakeProcess({ stdout: source });
      const relay = join(process, await open({ stdout: out }));
      source.write("half a ");
      await until("the output to arrive", () => relay.progress.stdout!.deliveredBytes === 7);
      source.destroy(new Error("read ECONNRESET"));
      assert.equal(String(await reader.rest()), "half a ");
      await relay.drained(forever);
      assert.deepEqual(names(), ["process-side-lost"]);
    });

    it("end for the client when the owner of the process closes its streams", async () => {
      const out = bench.fifo("out");
      const reader = bench.reader(out);
      const process = await start("stdout");
      const relay = join(process, await open({ stdout: out }));
      process.stdio.stdout!.destroy();
      assert.equal(String(await reader.rest()), "");
      await relay.drained(forever);
      assert.equal(relay.progress.complete, true);
    });

    it("end for the client where the process has none", async () => {
      const err = bench.fifo("err");
      const reader = bench.reader(err);
      const relay = join(await start(), await open({ stderr: err }));
      assert.equal(String(await reader.rest()), "");
      await relay.drained(forever);
    });
  });

  describe("stalled outputs", () => {
    const stall = async (isAlive: RelayOptions["isAlive"]): Promise<[Relay, FakeProcess, string]> => {
      const out = bench.fifo("out");
      const process = await start("stdout");
      const relay = join(process, await open({ stdout: out }), { isAlive });
      void send(process.guest.stdout!, 2 * MB, 9);
      await clock.nextTimer();
      return [relay, process, out];
    };

    it("make it ask whether the process lives, at widening intervals", async () => {
      const asked: number[] = [];
      await stall(async () => {
        asked.push(clock.monotonic());
        return true;
      });
      await clock.advance(200_000);
      assert.deepEqual(asked, [1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 123_000, 183_000]);
      assert.deepEqual([names()[0], events[0]!.ms, events.length], ["reader-stalled", 1_000, 8]);
    });

    it("are lifted when it does not: the guest gets rid of the rest and can report the exit", async () => {
      let alive = true;
      const [relay, process] = await stall(async () => alive);
      await clock.advance(1_000);
      assert.equal(relay.progress.stdout!.ended, false);
      alive = false;
      await clock.advance(2_000);
      await until("the end of the output", () => relay.progress.stdout!.ended);
      await until("the guest to be hung up on", () => process.guest.stdout!.readableEnded);
      assert.deepEqual(clock.pending, []);
    });

    it("are asked about again after a question that failed", async () => {
      let answers = 0;
      await stall(async () => {
        answers += 1;
        if (answers === 1) throw new Error("guest does not answer");
        return true;
      });
      await clock.advance(3_000);
      assert.equal(answers, 2);
      assert.deepEqual(names(), ["reader-stalled", "probe-failed", "reader-stalled"]);
    });

    it("are not asked about any more once the reader goes on", async () => {
      const [relay, , out] = await stall(async () => true);
      await clock.advance(1_000);
      await bench.reader(out).rest();
      await relay.drained(forever);
      assert.deepEqual(clock.pending, []);
    });

    it("are not asked about any more once the exit is known, or after close", async () => {
      const [relay] = await stall(async () => true);
      assert.deepEqual(clock.pending, [1_000]);
      relay.processEnded();
      assert.deepEqual(clock.pending, []);
      const [other] = [join(await start("stdout"), upstreamOf({ stdout: stuck() }))];
      await other.close();
      assert.deepEqual(clock.pending, []);
    });
  });

  describe("stdin", () => {
    it("reaches the process, then end of file does", async () => {
      const input = bench.fifo("in");
      const process = await start("stdin");
      const relay = join(process, await open({ stdin: input }));
      const client = await bench.writer(input);
      const received = readAll(process.guest.stdin!);
      const checksum = send(client, 8 * MB, 10);
      await checksum;
      assert.equal(process.stdinCloses, 0, "a client that went is not the end of input");
      relay.closeStdin();
      assert.equal(sha256(await received), await checksum);
      assert.equal(process.stdinCloses, 1);
    });

    it("pushes back on a client whose process does not read", async () => {
      const source = new PassThrough();
      const process = new FakeProcess({ stdin: asDuplex(stuck()) });
      join(process, upstreamOf({ stdin: source }));
      const chunk = Buffer.alloc(64 * 1024);
      for (let count = 0; count < 100; count += 1) source.write(chunk);
      await until("the input to be paused", () => source.isPaused());
      assert.ok(source.readableLength + source.writableLength > 4 * MB);
    });

    it("lets go of the client when the process has closed its end; output is not touched", async () => {
      const source = new PassThrough();
      const process = await start("stdin", "stdout");
      const sink = new PassThrough();
      const relay = join(process, upstreamOf({ stdin: source, stdout: sink }));
      process.guest.stdin!.destroy();
      await until("the client to be let go of", () => {
        if (!source.destroyed) source.write("x");
        return source.destroyed;
      });
      process.guest.stdout!.end("still here");
      assert.equal(String(await readAll(sink)), "still here");
      await relay.drained(forever);
    });

    it("that cannot be closed is reported and no more", async () => {
      const source = new PassThrough();
      const process = await start("stdin");
      process.stdinCloseError = new Error("guest does not answer");
      join(process, upstreamOf({ stdin: source }));
      source.end();
      await until("the report", () => events.length > 0);
      assert.deepEqual(names(), ["stdin-lost"]);
    });

    it("stops when the process has ended; nobody closes it any more", async () => {
      const source = new PassThrough();
      const process = await start("stdin", "stdout");
      const relay = join(process, upstreamOf({ stdin: source, stdout: new PassThrough().resume() }));
      const closed = once(source, "close");
      relay.processEnded();
      await closed;
      process.guest.stdout!.end();
      await relay.drained(forever);
      assert.deepEqual([process.stdinCloses, names()], [0, []]);
    });
  });

  it("relays a terminal, one stream both ways", async () => {
    const [input, out] = [bench.fifo("in"), bench.fifo("out")];
    const reader = bench.reader(out);
    const console = await start("stdout");
    const { stdout } = console.stdio;
    const process = new FakeProcess({ stdin: stdout!, stdout: stdout! }, console.guest);
    processes.push(process);
    const relay = join(process, await open({ stdin: input, stdout: out, terminal: true }));
    (await bench.writer(input)).write("exit\r");
    const [typed] = (await once(console.guest.stdout!, "data")) as [Buffer];
    assert.equal(String(typed), "exit\r");
    console.guest.stdout!.end("$ exit\r\n");
    assert.equal(String(await reader.rest()), "$ exit\r\n");
    relay.processEnded();
    await relay.drained(forever);
    assert.equal(relay.progress.complete, true);
  });

  it("reads on and throws away after close, until the process has ended its output", async () => {
    const process = await start("stdout");
    const relay = join(process, upstreamOf({ stdout: stuck() }));
    const sent = send(process.guest.stdout!, 8 * MB, 11);
    await until("the output to be paused", () => relay.progress.stdout!.pendingBytes > MB / 2);
    await Promise.all([relay.close(), relay.close()]);
    await sent;
    await until("the end of the output", () => relay.progress.stdout!.ended);
    assert.equal(relay.progress.stdout!.discardedBytes, 8 * MB);
  });

  it("is complete at once where there is nothing to relay", async () => {
    const relay = join(new FakeProcess({}), upstreamOf({}));
    await relay.drained(forever);
    assert.deepEqual(relay.progress, { complete: true });
  });
});

/** Upstream stdio made of plain streams. */
function upstreamOf(streams: Pick<UpstreamStdio, "stdin" | "stdout" | "stderr">): UpstreamStdio {
  return {
    ...streams,
    paths: { stdin: "", stdout: "", stderr: "" },
    closeStdin: () => undefined,
    close: async () => {
      for (const stream of [streams.stdin, streams.stdout, streams.stderr]) stream?.destroy();
    },
  };
}

/** Takes one chunk and never asks for another. */
function stuck(): Writable {
  return new Writable({ write: () => undefined, highWaterMark: 1 });
}

/** Streams of a process are two-way; these tests need one. */
function asDuplex(stream: PassThrough | Writable): Duplex {
  return stream instanceof Duplex ? stream : Duplex.from({ writable: stream });
}

/** Writes `bytes` bytes that depend on `seed`, ends the stream, and gives their checksum when all are written. */
async function send(stream: Writable, bytes: number, seed: number): Promise<string> {
  const hash = createHash("sha256");
  let state = seed;
  await pipeline(
    (function* () {
      const block = Buffer.alloc(256 * 1024);
      for (let left = bytes; left > 0; left -= block.length) {
        for (let at = 0; at + 4 <= block.length; at += 1024) {
          state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
          block.writeUInt32LE(state, at);
        }
        const part = Buffer.from(block.subarray(0, left));
        hash.update(part);
        yield part;
      }
    })(),
    stream,
    // A guest waits for the host to hang up before it closes; its end is not awaited here.
    { end: false },
  );
  stream.end();
  if (stream instanceof Duplex) stream.resume();
  return hash.digest("hex");
}

async function readAll(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of stream) parts.push(chunk as Buffer);
  return Buffer.concat(parts);
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
