import assert from "node:assert/strict";
import fc from "fast-check";
import { GuestLogDecoder } from "../../../../hcs/guest/log-channel.ts";

/** What becomes of `bytes` cut into pieces of these lengths, the last one repeated until the end. */
function decode(bytes: Buffer, lengths: readonly number[]): unknown[] {
  const seen: unknown[] = [];
  const decoder = new GuestLogDecoder({
    onRecord: (record) => seen.push(record),
    onTerminated: (text) => seen.push(text),
  });
  let offset = 0;
  for (let piece = 0; offset < bytes.length; piece++) {
    const length = lengths[Math.min(piece, lengths.length - 1)] ?? 1;
    decoder.push(bytes.subarray(offset, offset + length));
    offset += length;
  }
  decoder.end();
  return seen;
}

const lengths = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 });
const line = fc
  .record({ msg: fc.string({ unit: "binary" }), fields: fc.dictionary(fc.string(), fc.jsonValue()) })
  .map(({ msg, fields }) => JSON.stringify({ ...fields, level: "debug", msg }));

describe("GuestLogDecoder", () => {
  it("reads every line of any split", () => {
    fc.assert(
      fc.property(fc.array(line), fc.constantFrom("", "\n", " \r\n"), lengths, (lines, between, cuts) => {
        const seen = decode(Buffer.from(lines.join(between)), cuts);
        assert.equal(seen.length, lines.length);
        for (const [index, record] of seen.entries()) {
          const { msg } = JSON.parse(lines[index]!) as { msg: string };
          // Half a surrogate pair has no UTF-8, so compare what the bytes can say.
          assert.equal((record as { message: string }).message, Buffer.from(msg).toString());
        }
      }),
    );
  });

  it("makes the same of any split of any bytes", () => {
    const hostile = fc
      .tuple(fc.array(line, { maxLength: 3 }), fc.uint8Array({ maxLength: 300 }))
      .map(([lines, noise]) => Buffer.concat([Buffer.from(lines.join("\n")), noise]));
    fc.assert(
      fc.property(hostile, lengths, (bytes, cuts) => {
        assert.deepEqual(decode(bytes, cuts), decode(bytes, [bytes.length]));
      }),
    );
  });
});
