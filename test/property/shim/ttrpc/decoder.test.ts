import assert from "node:assert/strict";
import fc from "fast-check";
import { FrameDecoder, encodeFrame } from "../../../../shim/ttrpc/index.ts";
import type { FrameSink } from "../../../../shim/ttrpc/index.ts";

const LIMIT = 300;

interface Frame {
  readonly streamId: number;
  readonly type: number;
  readonly flags: number;
  readonly body: Uint8Array;
}

const frame: fc.Arbitrary<Frame> = fc.record({
  streamId: fc.nat({ max: 0xffff_ffff }),
  type: fc.nat({ max: 255 }),
  flags: fc.nat({ max: 255 }),
  // Around the limit, so that some are oversize.
  body: fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.integer({ min: LIMIT - 2, max: LIMIT + 40 }).map((length) => new Uint8Array(length).fill(length)),
  ),
});

/** Cuts bytes at arbitrary places, leaving empty pieces too. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = places.map((place) => place % (bytes.length + 1)).sort((one, other) => one - other);
  const edges = [0, ...at, bytes.length];
  return edges.slice(1).map((end, index) => bytes.slice(edges[index], end));
}

/** Writes down what it gets, and pauses at the frames it is told to. */
class Log implements FrameSink {
  readonly events: string[] = [];
  decoder: FrameDecoder | undefined;
  readonly #pauseAt: ReadonlySet<number>;

  constructor(pauseAt: readonly number[] = []) {
    this.#pauseAt = new Set(pauseAt);
  }

  onFrame(streamId: number, type: number, flags: number, body: Uint8Array): void {
    this.#note(`${streamId} ${type} ${flags} ${Buffer.from(body).toString("hex")}`);
  }

  onOversize(streamId: number, type: number, flags: number, length: number): void {
    this.#note(`${streamId} ${type} ${flags} oversize ${length}`);
  }

  #note(event: string): void {
    this.events.push(event);
    if (this.#pauseAt.has(this.events.length)) this.decoder?.pause();
  }
}

function expectedOf(frames: readonly Frame[]): string[] {
  return frames.map(({ streamId, type, flags, body }) => {
    const what = body.length > LIMIT ? `oversize ${body.length}` : Buffer.from(body).toString("hex");
    return `${streamId} ${type} ${flags} ${what}`;
  });
}

function bytesOf(frames: readonly Frame[]): Uint8Array {
  return Buffer.concat(
    frames.map(({ streamId, type, flags, body }) => encodeFrame(streamId, type, flags, body)),
  );
}

describe("FrameDecoder", () => {
  it("finds the same frames however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 12 }),
        fc.array(fc.nat(), { maxLength: 40 }),
        (frames, places) => {
          const log = new Log();
          const decoder = new FrameDecoder(log, LIMIT);
          for (const piece of cut(bytesOf(frames), places)) decoder.push(piece);
          assert.deepEqual(log.events, expectedOf(frames));
          assert.equal(decoder.atBoundary, true);
          assert.equal(decoder.heldBytes, 0);
        },
      ),
    );
  });

  it("finds the same frames however often it is paused", () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 12 }),
        fc.array(fc.nat(), { maxLength: 10 }),
        fc.array(fc.integer({ min: 1, max: 12 })),
        (frames, places, pauses) => {
          const log = new Log(pauses);
          const decoder = new FrameDecoder(log, LIMIT);
          log.decoder = decoder;
          for (const [index, piece] of cut(bytesOf(frames), places).entries()) {
            const before = log.events.length;
            const paused = decoder.paused;
            decoder.push(piece);
            if (paused) assert.equal(log.events.length, before);
            if (index % 2 === 1) decoder.resume();
          }
          while (!decoder.atBoundary) decoder.resume();
          assert.deepEqual(log.events, expectedOf(frames));
        },
      ),
    );
  });

  it("takes any bytes without a fault and in bounded memory", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 30 }), (chunks) => {
        const decoder = new FrameDecoder(new Log(), LIMIT);
        for (const chunk of chunks) {
          decoder.push(chunk);
          assert.ok(decoder.heldBytes <= LIMIT + 10, `${decoder.heldBytes} bytes held`);
        }
      }),
    );
  });

  it("holds no more than sixteen times what has arrived of a frame, beyond a first allocation", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100_000, max: 4 * 1024 * 1024 }),
        fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 20 }),
        (length, sizes) => {
          const header = encodeFrame(1, 1, 0, new Uint8Array(0)).slice();
          new DataView(header.buffer).setUint32(0, length);
          const decoder = new FrameDecoder(new Log());
          decoder.push(header);
          let arrived = 0;
          for (const size of sizes) {
            if (arrived + size >= length) break;
            decoder.push(new Uint8Array(size));
            arrived += size;
            assert.ok(decoder.heldBytes <= Math.max(64 * 1024, 16 * arrived));
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});
