import assert from "node:assert/strict";
import { Readable, Writable } from "node:stream";
import fc from "fast-check";
import { Copy } from "../../../../shim/io/copy.ts";

/** A sink that takes its time, now and then, as the numbers say. */
class Moody extends Writable {
  readonly taken: Buffer[] = [];
  /** Most bytes that were ever waiting in it. */
  peakBytes = 0;
  readonly #moods: readonly number[];
  #writes = 0;

  constructor(moods: readonly number[]) {
    super();
    this.#moods = moods;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.peakBytes = Math.max(this.peakBytes, this.writableLength);
    this.taken.push(chunk);
    let turns = this.#moods[this.#writes++ % this.#moods.length] ?? 0;
    const wait = (): void => void (turns-- > 0 ? setImmediate(wait) : callback());
    wait();
  }
}

const chunks = fc.array(
  fc.uint8Array({ maxLength: 3_000 }).map((bytes) => Buffer.from(bytes)),
  { maxLength: 40 },
);
const moods = fc.array(fc.nat(3), { minLength: 1, maxLength: 8 });

describe("Copy", () => {
  it("delivers the same bytes however they are split, whatever the sink's pace, within its limit", () =>
    fc.assert(
      fc.asyncProperty(chunks, moods, fc.integer({ min: 1, max: 20_000 }), async (sent, pace, limitBytes) => {
        const sink = new Moody(pace);
        const copy = new Copy(Readable.from(sent, { objectMode: false }), sink, {
          limitBytes,
          onSinkFailure: "discard",
          sinkFailed: (error) => assert.fail(error ?? "sink was closed"),
        });
        await copy.done;
        const whole = Buffer.concat(sent);
        assert.ok(Buffer.concat(sink.taken).equals(whole));
        assert.equal(copy.report.deliveredBytes, whole.length);
        assert.ok(sink.peakBytes <= limitBytes + 3_000, `${sink.peakBytes} bytes were under way`);
      }),
    ));

  it("accounts for every byte, whenever the limit changes and the sink fails", () =>
    fc.assert(
      fc.asyncProperty(
        chunks,
        moods,
        fc.array(fc.record({ limit: fc.integer({ min: 1, max: 20_000 }), discard: fc.boolean() }), {
          maxLength: 5,
        }),
        fc.option(fc.nat(20)),
        async (sent, pace, limits, failAfter) => {
          const sink = new Moody(pace);
          let failures = 0;
          const copy = new Copy(Readable.from(sent, { objectMode: false }), sink, {
            limitBytes: 5_000,
            onSinkFailure: "discard",
            sinkFailed: () => (failures += 1),
          });
          let turn = 0;
          for (const { limit, discard } of limits) {
            copy.limit(limit, discard ? "discard" : "wait");
            if (turn++ === failAfter) sink.destroy(new Error("EPIPE"));
            await new Promise((resolve) => setImmediate(resolve));
          }
          await copy.done;
          const { readBytes, deliveredBytes, discardedBytes, pendingBytes } = copy.report;
          assert.equal(readBytes, Buffer.concat(sent).length);
          assert.equal(deliveredBytes + discardedBytes, readBytes);
          assert.equal(pendingBytes, 0);
          assert.ok(failures <= 1);
        },
      ),
    ));
});
