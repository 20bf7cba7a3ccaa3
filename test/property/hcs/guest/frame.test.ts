import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeFrame, FrameDecoder, FrameError } from "../../../../hcs/guest/frame.ts";

const frames = fc.array(
  fc.record({
    type: fc.nat(0xffff_ffff),
    id: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
    body: fc.uint8Array({ maxLength: 3000 }),
  }),
  { maxLength: 8 },
);

interface Decoded {
  readonly frames: string[];
  readonly failed: boolean;
}

/** Decodes `bytes` cut into pieces of these lengths, the last one repeated until the end. */
function decode(bytes: Buffer, lengths: readonly number[], limit: number): Decoded {
  const decoder = new FrameDecoder(limit);
  const decoded: string[] = [];
  let offset = 0;
  for (let piece = 0; offset < bytes.length; piece++) {
    const length = lengths[Math.min(piece, lengths.length - 1)] ?? 1;
    try {
      decoder.push(bytes.subarray(offset, offset + length), ({ type, id, body }) =>
        decoded.push(`${type} ${id} ${body.toString("hex")}`),
      );
    } catch (error) {
      assert.ok(error instanceof FrameError);
      return { frames: decoded, failed: true };
    }
    assert.ok(decoder.pendingBytes <= limit);
    offset += length;
  }
  return { frames: decoded, failed: false };
}

const lengths = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 });

describe("FrameDecoder", () => {
  it("decodes any split of what was encoded to the same frames", () => {
    fc.assert(
      fc.property(frames, lengths, (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(({ type, id, body }) => encodeFrame(type, id, body)));
        const expected = sent.map(
          ({ type, id, body }) => `${type} ${id} ${Buffer.from(body).toString("hex")}`,
        );
        assert.deepEqual(decode(bytes, cuts, 4096), { frames: expected, failed: false });
      }),
    );
  });

  it("makes the same of any split of any bytes, within its limit", () => {
    const hostile = fc
      .tuple(frames, fc.uint8Array({ maxLength: 200 }))
      .map(([sent, noise]) =>
        Buffer.concat([...sent.map(({ type, id, body }) => encodeFrame(type, id, body)), noise]),
      );
    fc.assert(
      fc.property(hostile, lengths, fc.integer({ min: 16, max: 2000 }), (bytes, cuts, limit) => {
        assert.deepEqual(decode(bytes, cuts, limit), decode(bytes, [bytes.length], limit));
      }),
    );
  });
});
