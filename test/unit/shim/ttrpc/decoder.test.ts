import assert from "node:assert/strict";
import { FrameDecoder } from "../../../../shim/ttrpc/decoder.ts";
import type { FrameSink } from "../../../../shim/ttrpc/decoder.ts";
import { frameBytes } from "./raw-peer.ts";

/** Writes down what a decoder finds, in words. */
class Log implements FrameSink {
  readonly events: string[] = [];
  onEvent: (count: number) => void = () => {};

  onFrame(streamId: number, type: number, flags: number, body: Uint8Array): void {
    this.events.push(`${streamId}/${type}/${flags}:${Buffer.from(body).toString("latin1")}`);
    this.onEvent(this.events.length);
  }

  onOversize(streamId: number, type: number, flags: number, length: number): void {
    this.events.push(`${streamId}/${type}/${flags} oversize ${length}`);
    this.onEvent(this.events.length);
  }
}

const text = (value: string): Buffer => Buffer.from(value, "latin1");

describe("FrameDecoder", () => {
  const sequence = Buffer.concat([
    frameBytes(1, 1, 0, text("one")),
    frameBytes(3, 3, 5),
    frameBytes(5, 2, 0, text("a".repeat(40))),
    frameBytes(7, 1, 0, text("x".repeat(41))),
    frameBytes(9, 3, 1, text("last")),
  ]);
  const expected = ["1/1/0:one", "3/3/5:", `5/2/0:${"a".repeat(40)}`, "7/1/0 oversize 41", "9/3/1:last"];

  for (const size of [1, 2, 9, 10, 11, 53, sequence.length]) {
    it(`finds the same frames in chunks of ${size}`, () => {
      const log = new Log();
      const decoder = new FrameDecoder(log, 40);
      for (let at = 0; at < sequence.length; at += size) decoder.push(sequence.subarray(at, at + size));
      assert.deepEqual(log.events, expected);
      assert.equal(decoder.atBoundary, true);
      assert.equal(decoder.heldBytes, 0);
    });
  }

  it("hands out a body that arrived whole without a copy", () => {
    const chunk = frameBytes(1, 1, 0, text("body"));
    let body: Uint8Array | undefined;
    const decoder = new FrameDecoder({ onFrame: (...frame) => (body = frame[3]), onOversize: () => {} });
    decoder.push(chunk);
    assert.equal(body?.buffer, chunk.buffer);
  });

  it("says when the stream ends within a header, a body or a body that is skipped", () => {
    const decoder = new FrameDecoder(new Log(), 4);
    assert.equal(decoder.atBoundary, true);
    decoder.push(frameBytes(1, 1, 0, text("abcd")).subarray(0, 4));
    assert.equal(decoder.atBoundary, false);
    decoder.push(frameBytes(1, 1, 0, text("abcd")).subarray(4, 12));
    assert.equal(decoder.atBoundary, false);
    decoder.push(text("cd"));
    assert.equal(decoder.atBoundary, true);
    decoder.push(frameBytes(1, 1, 0, text("too long")).subarray(0, 12));
    assert.equal(decoder.atBoundary, false);
  });

  it("accepts a body of exactly the limit", () => {
    const log = new Log();
    new FrameDecoder(log, 4).push(frameBytes(1, 1, 0, text("four")));
    assert.deepEqual(log.events, ["1/1/0:four"]);
  });

  it("reports an oversize frame once, after its last byte", () => {
    const log = new Log();
    const decoder = new FrameDecoder(log, 4);
    const frame = frameBytes(1, 1, 2, text("0123456789"));
    decoder.push(frame.subarray(0, 15));
    decoder.push(frame.subarray(15, 19));
    assert.deepEqual(log.events, []);
    decoder.push(Buffer.concat([frame.subarray(19), frameBytes(3, 1, 0, text("next"))]));
    assert.deepEqual(log.events, ["1/1/2 oversize 10", "3/1/0:next"]);
  });

  it("keeps nothing of a body that promises 4 GiB", () => {
    const log = new Log();
    const decoder = new FrameDecoder(log);
    const header = frameBytes(1, 1, 0);
    header.writeUInt32BE(0xffff_ffff, 0);
    decoder.push(header);
    const megabyte = Buffer.alloc(1024 * 1024);
    for (let sent = 0; sent < 64; sent++) decoder.push(megabyte);
    assert.equal(decoder.heldBytes, 0);
    assert.equal(decoder.atBoundary, false);
    assert.deepEqual(log.events, []);
  });

  it("allocates with what arrives, not with what a header promises", () => {
    const log = new Log();
    const decoder = new FrameDecoder(log);
    const header = frameBytes(1, 1, 0);
    header.writeUInt32BE(4 * 1024 * 1024, 0);
    decoder.push(header);
    decoder.push(Buffer.alloc(1000));
    assert.ok(decoder.heldBytes <= 64 * 1024, `${decoder.heldBytes} bytes held after 1000`);
    decoder.push(Buffer.alloc(100_000));
    assert.ok(decoder.heldBytes <= 16 * 101_000, `${decoder.heldBytes} bytes held after 101000`);
    decoder.push(Buffer.alloc(4 * 1024 * 1024 - 101_000));
    assert.equal(log.events.length, 1);
    assert.equal(decoder.heldBytes, 0);
  });

  it("stops in the middle of a chunk when it is paused from within a frame", () => {
    const log = new Log();
    const decoder = new FrameDecoder(log, 40);
    log.onEvent = (count) => {
      if (count === 2) decoder.pause();
    };
    decoder.push(sequence);
    assert.deepEqual(log.events, expected.slice(0, 2));
    assert.equal(decoder.atBoundary, false);
    decoder.push(frameBytes(11, 1, 0, text("later")));
    assert.deepEqual(log.events, expected.slice(0, 2));
    decoder.resume();
    assert.deepEqual(log.events, [...expected, "11/1/0:later"]);
    assert.equal(decoder.atBoundary, true);
  });

  it("does not let a frame overtake another when it is paused and resumed from within", () => {
    const log = new Log();
    const decoder = new FrameDecoder(log, 40);
    log.onEvent = () => {
      decoder.pause();
      decoder.resume();
    };
    decoder.push(sequence.subarray(0, 30));
    decoder.push(sequence.subarray(30));
    assert.deepEqual(log.events, expected);
  });

  it("hands out nothing more when it is stopped from within a frame", () => {
    const log = new Log();
    const decoder = new FrameDecoder(log, 40);
    log.onEvent = () => decoder.stop();
    decoder.push(sequence);
    decoder.push(sequence);
    decoder.resume();
    assert.deepEqual(log.events, expected.slice(0, 1));
    assert.equal(decoder.heldBytes, 0);
  });
});
