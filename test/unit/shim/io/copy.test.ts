import assert from "node:assert/strict";
import { PassThrough, Readable, Writable } from "node:stream";
import { Copy, type CopyOptions } from "../../../../shim/io/copy.ts";
import { until } from "../../../support/until.ts";

describe("Copy", () => {
  let calls: string[];
  beforeEach(() => {
    calls = [];
  });
  const options = (init: Partial<CopyOptions> = {}): CopyOptions => ({
    limitBytes: 10_000,
    onSinkFailure: "discard",
    sinkFailed: (error) => calls.push(`failed: ${error?.message ?? "closed"}`),
    stalled: () => calls.push("stalled"),
    resumed: () => calls.push("resumed"),
    ...init,
  });

  it("copies to the end and leaves ending the sink to its owner", async () => {
    const sink = new PassThrough();
    const copy = new Copy(Readable.from([Buffer.from("a"), Buffer.from("b")]), sink, options());
    await copy.done;
    assert.equal(String(sink.read()), "ab");
    assert.equal(sink.writableEnded, false);
    assert.deepEqual(copy.report, {
      readBytes: 2,
      deliveredBytes: 2,
      pendingBytes: 0,
      discardedBytes: 0,
      ended: true,
    });
    assert.deepEqual(calls, []);
  });

  it("stalls at the limit and goes on at half of it", async () => {
    const sink = new Taking();
    const source = new PassThrough();
    const copy = new Copy(source, sink, options());
    for (let count = 0; count < 10; count += 1) source.write(Buffer.alloc(2_000));
    await until("the stall", () => calls.includes("stalled"));
    // 4 × (2000 + bookkeeping) is past 10 000.
    assert.equal(copy.report.readBytes, 8_000);
    sink.take();
    sink.take();
    await until("two chunks to be taken", () => copy.report.deliveredBytes === 4_000);
    assert.deepEqual(calls, ["stalled"], "half is not reached");
    sink.take();
    await until("the source to go on", () => calls.includes("resumed"));
  });

  it("goes on at once when the limit is lifted", async () => {
    const source = new PassThrough();
    const copy = new Copy(source, new Taking(), options());
    source.end(Buffer.alloc(20_000));
    await until("the stall", () => calls.includes("stalled"));
    copy.limit(100_000, "wait");
    await until("the end of the source", () => copy.report.ended);
    assert.deepEqual(calls, ["stalled", "resumed"]);
    assert.equal(copy.report.pendingBytes, 20_000);
  });

  it("does not go on for a limit that is reached already", async () => {
    const source = new PassThrough();
    const copy = new Copy(source, new Taking(), options());
    source.write(Buffer.alloc(20_000));
    await until("the stall", () => calls.includes("stalled"));
    copy.limit(15_000, "wait");
    assert.deepEqual(calls, ["stalled"]);
  });

  it("counts what was on its way to a sink that failed as lost", async () => {
    const sink = new Taking();
    const source = new PassThrough();
    const copy = new Copy(source, sink, options());
    source.write(Buffer.alloc(20_000));
    await until("the stall", () => calls.includes("stalled"));
    sink.destroy(new Error("EPIPE"));
    source.end(Buffer.alloc(5));
    await copy.done;
    assert.deepEqual(calls, ["stalled", "failed: EPIPE", "resumed"]);
    assert.deepEqual([copy.report.discardedBytes, copy.report.pendingBytes], [20_005, 0]);
  });

  it("stops reading when told to stop at a failure", async () => {
    const source = new PassThrough();
    const sink = new Taking();
    const copy = new Copy(source, sink, options({ onSinkFailure: "stop" }));
    sink.destroy();
    await copy.done;
    assert.ok(source.destroyed);
    assert.deepEqual(calls, ["failed: closed"]);
  });

  it("finishes when the sink fails after the source has ended", async () => {
    const sink = new Taking();
    const copy = new Copy(Readable.from([Buffer.from("x")]), sink, options());
    await until("the end of the source", () => copy.report.ended);
    sink.destroy(new Error("late"));
    await copy.done;
    assert.deepEqual(calls, ["failed: late"]);
  });

  it("keeps the reason why a source broke", async () => {
    const source = new PassThrough();
    const copy = new Copy(source, undefined, options());
    source.destroy(new Error("ECONNRESET"));
    await copy.done;
    assert.match(String(copy.report.sourceError), /ECONNRESET/);
  });

  it("notices what was over before it began", async () => {
    const ended = Readable.from([]);
    ended.resume();
    await until("the source to end", () => ended.readableEnded);
    await new Copy(ended, new PassThrough(), options()).done;
    const broken = new PassThrough();
    broken.on("error", () => undefined);
    broken.destroy(new Error("before"));
    const copy = new Copy(broken, new PassThrough(), options());
    await copy.done;
    assert.match(String(copy.report.sourceError), /before/);
    const closed = new PassThrough();
    closed.destroy();
    await new Copy(Readable.from([Buffer.from("x")]), closed, options()).done;
    assert.deepEqual(calls, ["failed: closed"]);
  });
});

/** Takes a write when it is told to. */
class Taking extends Writable {
  readonly #waiting: (() => void)[] = [];

  constructor() {
    super({ highWaterMark: 1 });
  }

  take(): void {
    // The next write is handed over as soon as the one before is taken.
    setImmediate(() => this.#waiting.shift()?.());
  }

  override _write(_chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#waiting.push(callback);
  }
}
