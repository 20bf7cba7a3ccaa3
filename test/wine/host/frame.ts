/**
 * Frames between a stand-in DLL and the host of the rig: u32 size of what follows, u8 kind, u32 id, then fields until the end.
 * A field is a u8 length and its name, a u8 type, and a value: nothing, a u64, or a u32 length and UTF-8. Little endian.
 */

export const FRAME = {
  /** DLL → host: a checked call; `function` and its arguments. */
  call: 1,
  /** Host → DLL, with the id of the call: `hresult` and results. */
  answer: 2,
  /** Host → DLL: something that has happened, named by `event`. */
  event: 3,
  /** DLL → host, first on a connection: `library`, `process`. */
  hello: 4,
  /** DLL → host: the DLL was used in a way that the real one would not stand. */
  violation: 5,
  /** Host → DLL: asks for a report. */
  ask: 6,
  /** DLL → host: open handles by kind, `results` that nobody freed, `processHandles`. */
  report: 7,
  /** DLL → host, alone on a connection: what follows are the bytes of stream `stream`. */
  stream: 8,
  /** DLL → host: a call that the DLL has answered itself, for the record. */
  note: 9,
} as const;

export type Field = string | number | bigint | null | undefined;
export type Fields = Readonly<Record<string, Field>>;

export interface Frame {
  readonly kind: number;
  readonly id: number;
  readonly fields: Record<string, string | number | null>;
}

const HEADER_SIZE = 9;
const TYPE = { null: 0, number: 1, text: 2 } as const;

/** Fields that are undefined are left out. Negative numbers become 64-bit two's complement. */
export function encodeFrame(kind: number, id: number, fields: Fields): Buffer {
  const header = Buffer.alloc(HEADER_SIZE);
  const parts: Buffer[] = [header];
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    parts.push(Buffer.from([Buffer.byteLength(name)]), Buffer.from(name), ...encodeValue(value));
  }
  const frame = Buffer.concat(parts);
  frame.writeUInt32LE(frame.length - 4, 0);
  frame.writeUInt8(kind, 4);
  frame.writeUInt32LE(id, 5);
  return frame;
}

function encodeValue(value: Exclude<Field, undefined>): Buffer[] {
  if (value === null) return [Buffer.from([TYPE.null])];
  if (typeof value === "string") {
    const text = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    return [Buffer.from([TYPE.text]), length, text];
  }
  const number = Buffer.alloc(8);
  number.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return [Buffer.from([TYPE.number]), number];
}

function decodeFrame(bytes: Buffer): Frame {
  const fields: Frame["fields"] = {};
  for (let at = HEADER_SIZE; at < bytes.length;) {
    const end = at + 1 + bytes.readUInt8(at);
    const name = bytes.toString("utf8", at + 1, end);
    const type = bytes.readUInt8(end);
    at = end + 1;
    if (type === TYPE.null) {
      fields[name] = null;
    } else if (type === TYPE.number) {
      fields[name] = Number(bytes.readBigUInt64LE(at));
      at += 8;
    } else {
      const size = bytes.readUInt32LE(at);
      fields[name] = bytes.toString("utf8", at + 4, at + 4 + size);
      at += 4 + size;
    }
  }
  return { kind: bytes.readUInt8(4), id: bytes.readUInt32LE(5), fields };
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @returns the frames that are complete now */
  push(chunk: Buffer): Frame[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    for (let frame = this.#take(); frame !== undefined; frame = this.#take()) frames.push(decodeFrame(frame));
    return frames;
  }

  /** What has come since the last frame. */
  get rest(): Buffer {
    return this.#rest;
  }

  #take(): Buffer | undefined {
    if (this.#rest.length < 4) return undefined;
    const size = this.#rest.readUInt32LE(0) + 4;
    if (this.#rest.length < size) return undefined;
    const frame = this.#rest.subarray(0, size);
    this.#rest = this.#rest.subarray(size);
    return frame;
  }
}
