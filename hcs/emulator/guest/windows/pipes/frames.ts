/** Frames between the agent and the program that serves pipes in a container (windows/programs/pipe-relay.c). */

/** What a frame says; that file has the table of what each means in which direction. */
export const FRAME = {
  present: 1,
  absent: 2,
  opened: 3,
  data: 4,
  taken: 5,
  closed: 6,
  finish: 7,
} as const;

export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export interface Frame {
  readonly kind: number;
  /** Of a pipe (its place among those of the container), or of a connection. */
  readonly id: number;
  readonly number: number;
  /** Of a frame with data: `number` bytes. */
  readonly data: Buffer;
}

/** Bytes that either side sends of one connection before it waits for the other to take them. */
export const WINDOW: number = 256 * 1024;

const HEADER_BYTES = 12;
/** No read of the relay is longer; a stream that says otherwise is none of its frames. */
const LONGEST_DATA = 1024 * 1024;
const NONE = Buffer.alloc(0);

export function encodeFrame(kind: FrameKind, id: number, number = 0): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES);
  frame.writeUInt32LE(kind, 0);
  frame.writeUInt32LE(id, 4);
  frame.writeUInt32LE(number, 8);
  return frame;
}

/** Finds the frames in a stream, whatever its chunks are. */
export class FrameReader {
  #rest: Buffer = NONE;

  /** @throws for what cannot be a frame */
  push(chunk: Buffer): Frame[] {
    let buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    while (buffer.length >= HEADER_BYTES) {
      const [kind, id, number] = [buffer.readUInt32LE(0), buffer.readUInt32LE(4), buffer.readUInt32LE(8)];
      const bytes = kind === FRAME.data ? number : 0;
      if (bytes > LONGEST_DATA) throw new Error(`frame of ${bytes} bytes is longer than ${LONGEST_DATA}`);
      if (buffer.length < HEADER_BYTES + bytes) break;
      frames.push({ kind, id, number, data: buffer.subarray(HEADER_BYTES, HEADER_BYTES + bytes) });
      buffer = buffer.subarray(HEADER_BYTES + bytes);
    }
    this.#rest = buffer;
    return frames;
  }
}
