/** A peer that speaks frames and nothing else, with a parser of its own: what is under test must not judge itself. */
import type { Duplex } from "node:stream";
import { Request, Response } from "../../../../protos/gen/ttrpc.ts";

/** One frame as it was on the wire. */
export interface RawFrame {
  readonly streamId: number;
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
}

/** Waiting for a frame that never comes must end with a message, before mocha loses its patience. */
const PATIENCE_MS = 5000;

export function frameBytes(
  streamId: number,
  type: number,
  flags: number,
  body: Uint8Array = Buffer.alloc(0),
): Buffer {
  const header = Buffer.alloc(10);
  header.writeUInt32BE(body.length, 0);
  header.writeUInt32BE(streamId, 4);
  header.writeUInt8(type, 8);
  header.writeUInt8(flags, 9);
  return Buffer.concat([header, body]);
}

export class RawPeer {
  readonly stream: Duplex;
  /** Sizes of the chunks that arrived: how many writes the other side made. */
  readonly chunks: number[] = [];
  readonly #frames: RawFrame[] = [];
  readonly #waiters: ((frame: RawFrame | undefined) => void)[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  /** Resolves when the other side has closed the connection. */
  readonly ended: Promise<void>;
  #over = false;

  constructor(stream: Duplex) {
    this.stream = stream;
    stream.on("data", (chunk: Buffer) => {
      this.chunks.push(chunk.length);
      this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
      this.#parse();
    });
    stream.on("error", () => {});
    this.ended = new Promise((resolve) => {
      const over = (): void => {
        this.#over = true;
        for (const waiter of this.#waiters.splice(0)) waiter(undefined);
        resolve();
      };
      stream.once("end", over);
      stream.once("close", over);
    });
  }

  /** Frames that have arrived and nobody has taken. */
  get pending(): readonly RawFrame[] {
    return this.#frames;
  }

  bytes(bytes: Uint8Array): void {
    this.stream.write(bytes);
  }

  send(streamId: number, type: number, flags: number, body?: Uint8Array): void {
    this.stream.write(frameBytes(streamId, type, flags, body));
  }

  request(streamId: number, request: Partial<Request>, flags = 0): void {
    this.send(streamId, 1, flags, Request.encode(request));
  }

  respond(streamId: number, response: Partial<Response>): void {
    this.send(streamId, 2, 0, Response.encode(response));
  }

  data(streamId: number, body?: Uint8Array, flags = 0): void {
    this.send(streamId, 3, flags, body);
  }

  halfClose(streamId: number): void {
    this.send(streamId, 3, 5);
  }

  /** The next frame; undefined when the connection ends first. */
  async next(): Promise<RawFrame | undefined> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return frame;
    if (this.#over) return undefined;
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no frame has come")), PATIENCE_MS);
      this.#waiters.push((arrived) => {
        clearTimeout(timer);
        resolve(arrived);
      });
    });
  }

  async nextFrame(): Promise<RawFrame> {
    const frame = await this.next();
    if (frame === undefined) throw new Error("connection ended instead of a frame");
    return frame;
  }

  /** The next frame, which must be a response. */
  async nextResponse(): Promise<{ streamId: number; code: number; message: string; payload: Buffer }> {
    const frame = await this.nextFrame();
    if (frame.type !== 2) throw new Error(`frame of type ${frame.type} instead of a response`);
    const { status, payload } = Response.decode(frame.body);
    return {
      streamId: frame.streamId,
      code: status?.code ?? 0,
      message: status?.message ?? "",
      payload: Buffer.from(payload),
    };
  }

  /** The next frame, which must be a request. */
  async nextRequest(): Promise<{ streamId: number; flags: number; request: Request }> {
    const frame = await this.nextFrame();
    if (frame.type !== 1) throw new Error(`frame of type ${frame.type} instead of a request`);
    return { streamId: frame.streamId, flags: frame.flags, request: Request.decode(frame.body) };
  }

  #parse(): void {
    while (this.#bytes.length >= 10) {
      const end = 10 + this.#bytes.readUInt32BE(0);
      if (this.#bytes.length < end) return;
      const frame = {
        streamId: this.#bytes.readUInt32BE(4),
        type: this.#bytes.readUInt8(8),
        flags: this.#bytes.readUInt8(9),
        body: Buffer.from(this.#bytes.subarray(10, end)),
      };
      this.#bytes = this.#bytes.subarray(end);
      const waiter = this.#waiters.shift();
      if (waiter === undefined) this.#frames.push(frame);
      else waiter(frame);
    }
  }
}

/** Lets everything happen that needs no time: some turns of the event loop. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
}
