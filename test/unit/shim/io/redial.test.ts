import assert from "node:assert/strict";
import { Socket } from "node:net";
import { RedialingWriter } from "../../../../shim/io/redial.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { until } from "../../../support/until.ts";
import { happened } from "./client.ts";

/** A connection that takes writes until it is told to fail. */
class FakeSocket extends Socket {
  readonly taken: string[] = [];
  failWith: string | undefined;

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (this.failWith !== undefined) {
      callback(Object.assign(new Error(`write ${this.failWith}`), { code: this.failWith }));
      return;
    }
    this.taken.push(chunk.toString());
    callback();
  }

  override resume(): this {
    return this;
  }
}

describe("RedialingWriter", () => {
  let clock: ManualClock;
  let dialled: number[];
  let answers: (FakeSocket | Error)[];

  beforeEach(() => {
    clock = new ManualClock();
    dialled = [];
    answers = [];
  });

  const writerOn = (
    first: FakeSocket,
    init: { retryTimeoutMs?: number; random?: () => number } = {},
  ): RedialingWriter =>
    new RedialingWriter(first, {
      path: "\\\\.\\pipe\\out",
      clock,
      retryTimeoutMs: 0,
      random: () => 0.5,
      connect: async () => {
        dialled.push(clock.monotonic());
        const answer = answers.shift() ?? new Error("connect ENOENT");
        if (answer instanceof Error) throw answer;
        return answer;
      },
      ...init,
    });

  for (const code of ["EPIPE", "EOF", "ECONNRESET", "ENOTCONN"]) {
    it(`dials again after ${code}, and repeats the write`, async () => {
      const [first, second] = [new FakeSocket(), new FakeSocket()];
      const writer = writerOn(first);
      writer.write("one");
      await until("the first write", () => first.taken.length === 1);
      first.failWith = code;
      answers = [second];
      writer.write("two");
      const over = happened(writer, "close");
      writer.end("three");
      assert.equal(await clock.nextTimer(), 200);
      await clock.advance(200);
      await over;
      assert.deepEqual([first.taken, second.taken], [["one"], ["two", "three"]]);
      assert.ok(second.destroyed, "end of file");
    });
  }

  it("fails with other errors", async () => {
    const first = new FakeSocket();
    first.failWith = "EIO";
    const writer = writerOn(first);
    const error = new Promise<Error>((resolve) => void writer.once("error", resolve));
    writer.write("x");
    assert.match((await error).message, /EIO/);
    assert.ok(first.destroyed);
    assert.deepEqual(clock.pending, []);
  });

  it("waits longer and longer between dials, up to a minute, for ever", async () => {
    const first = new FakeSocket();
    const writer = writerOn(first);
    first.destroy();
    writer.write("x");
    const waits: number[] = [];
    for (let dial = 0; dial < 20; dial += 1) {
      const wait = await clock.nextTimer();
      waits.push(Math.round(wait));
      await clock.advance(wait);
    }
    assert.deepEqual(waits.slice(0, 5), [200, 300, 450, 675, 1013]);
    assert.deepEqual(waits.slice(-3), [60_000, 60_000, 60_000]);
    assert.equal(dialled.length, 20);
    writer.destroy();
    assert.deepEqual(clock.pending, []);
  });

  for (const [random, firstWait] of [
    [0, 100],
    [0.999_999, 300],
  ] as const) {
    it(`spreads its dials: random ${random} waits ${firstWait} ms`, async () => {
      const first = new FakeSocket();
      const writer = writerOn(first, { random: () => random });
      first.destroy();
      writer.write("x");
      assert.equal(Math.round(await clock.nextTimer()), firstWait);
      writer.destroy();
    });
  }

  it("gives up after its total time, naming the pipe and the last failure", async () => {
    const first = new FakeSocket();
    const writer = writerOn(first, { retryTimeoutMs: 1_000 });
    const error = new Promise<Error>((resolve) => void writer.once("error", resolve));
    first.destroy();
    writer.write("x");
    await clock.advance(1_000);
    const { message, cause } = await error;
    assert.equal(message, 'cannot reach the client at "\\\\.\\pipe\\out" again: gone for 1000 ms');
    assert.match(String(cause), /ENOENT/);
    assert.deepEqual(dialled.map(Math.round), [200, 500, 950, 1000]);
  });

  it("does not dial for a client that went away while there was nothing to say", async () => {
    const first = new FakeSocket();
    const writer = writerOn(first);
    const gone = happened(first, "close");
    first.destroy();
    await gone;
    const over = happened(writer, "close");
    writer.end();
    await over;
    assert.deepEqual([dialled, clock.pending], [[], []]);
  });

  it("stops looking when it is destroyed, and drops a connection that comes too late", async () => {
    const [first, late] = [new FakeSocket(), new FakeSocket()];
    const writer = writerOn(first);
    answers = [late];
    first.destroy();
    writer.on("error", () => undefined);
    writer.write("x");
    await clock.nextTimer();
    writer.destroy();
    await clock.advance(10_000);
    assert.deepEqual([dialled, late.taken], [[], []]);
  });
});
