import assert from "node:assert/strict";
import { encodeFrame, FrameDecoder, FrameError, type Frame } from "../../../../hcs/guest/frame.ts";
import { readRecording, RECORDINGS, type RecordedFrame } from "./recordings.ts";

/** The exact bytes of a recorded frame; `undefined` where the recording lacks the body. */
function bytesOf(frame: RecordedFrame): Buffer | undefined {
  if (frame.body_utf8 === undefined) return undefined;
  const header = Buffer.from(frame.hex_header.replaceAll(" ", ""), "hex");
  return Buffer.concat([header, Buffer.from(frame.body_utf8)]);
}

function decode(decoder: FrameDecoder, ...chunks: Uint8Array[]): Frame[] {
  const frames: Frame[] = [];
  for (const chunk of chunks) decoder.push(chunk, (frame) => frames.push(frame));
  return frames;
}

function header(size: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(size, 4);
  return bytes;
}

describe("encodeFrame", () => {
  it("writes type, size with header and id, little endian", () => {
    assert.equal(
      encodeFrame(0x1010_0b01, 0x0102_0304_0506_0708n, "{}").toString("hex"),
      "010b1010" + "12000000" + "0807060504030201" + "7b7d",
    );
  });

  it("takes the largest type and id there are", () => {
    const bytes = encodeFrame(0xffff_ffff, 0xffff_ffff_ffff_ffffn, Buffer.alloc(0));
    assert.equal(bytes.toString("hex"), "ffffffff" + "10000000" + "ffffffffffffffff");
  });

  it("counts bytes, not characters", () => {
    assert.equal(encodeFrame(1, 0n, '"é"').readUInt32LE(4), 16 + 4);
  });
});

describe("recorded frames", () => {
  for (const name of RECORDINGS) {
    it(`decode and encode to the same bytes: ${name}`, () => {
      const recorded = readRecording(name).filter((frame) => frame.body_utf8 !== undefined);
      const stream = Buffer.concat(recorded.map((frame) => bytesOf(frame)!));
      const frames = decode(new FrameDecoder(), stream);
      assert.equal(frames.length, recorded.length);
      for (const [index, frame] of frames.entries()) {
        const { type, id, body_utf8 } = recorded[index]!;
        assert.equal(frame.type, Number(type));
        assert.equal(frame.id, BigInt(id));
        assert.equal(frame.body.toString(), body_utf8);
      }
      assert.deepEqual(
        Buffer.concat(frames.map(({ type, id, body }) => encodeFrame(type, id, body))),
        stream,
      );
    });
  }
});

describe("FrameDecoder", () => {
  const frame = encodeFrame(0x1010_0201, 7n, '{"ContainerId":"a"}');

  it("keeps a partial frame for the next chunk", () => {
    const decoder = new FrameDecoder();
    assert.deepEqual(decode(decoder, frame.subarray(0, 5), frame.subarray(5, 20)), []);
    assert.equal(decoder.pendingBytes, 20);
    const [decoded] = decode(decoder, frame.subarray(20));
    assert.equal(decoded?.id, 7n);
    assert.equal(decoded.body.toString(), '{"ContainerId":"a"}');
    assert.equal(decoder.pendingBytes, 0);
  });

  it("takes a frame without body", () => {
    const [decoded] = decode(new FrameDecoder(), header(16));
    assert.equal(decoded?.body.length, 0);
  });

  for (const size of [0, 15]) {
    it(`refuses size ${size}, which is less than the header`, () => {
      assert.throws(() => decode(new FrameDecoder(), header(size)), {
        name: "FrameError",
        message: `cannot read frame: size ${size} is less than the header's 16 bytes`,
      });
    });
  }

  it("takes a frame of exactly the limit and refuses one byte more", () => {
    const limit = 100;
    assert.equal(decode(new FrameDecoder(limit), encodeFrame(1, 0n, Buffer.alloc(limit - 16))).length, 1);
    assert.throws(() => decode(new FrameDecoder(limit), header(limit + 1)), {
      message: "cannot read frame: size 101 is more than the limit of 100 bytes",
    });
  });

  it("takes no memory for a size that was only announced", () => {
    const decoder = new FrameDecoder(0xffff_ffff);
    const before = process.memoryUsage().arrayBuffers;
    decode(decoder, header(0xffff_fff0), Buffer.alloc(100));
    assert.equal(decoder.pendingBytes, 116);
    assert.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024);
  });

  it("delivers the frames before a broken one, and stays broken", () => {
    const decoder = new FrameDecoder();
    const frames: Frame[] = [];
    const broken = Buffer.concat([frame, header(3), frame]);
    assert.throws(() => decoder.push(broken, (each) => frames.push(each)), FrameError);
    assert.throws(() => decoder.push(frame, (each) => frames.push(each)), FrameError);
    assert.equal(frames.length, 1);
    assert.equal(decoder.pendingBytes, 0);
  });

  for (const limit of [0, 15, 1.5, NaN]) {
    it(`refuses ${limit} as its limit`, () => assert.throws(() => new FrameDecoder(limit), RangeError));
  }
});
