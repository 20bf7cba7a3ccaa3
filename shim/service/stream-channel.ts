/**
 * One named byte stream between containerd and this shim (containerd's streaming service and its transfer messages).
 * Bytes flow against credit: whoever receives says how many more it will take. containerd may open the same stream
 * again after it was restarted; the bytes go on there.
 */
import { Readable, Writable } from "node:stream";
import { packAny, unpackAny } from "../../protos/any.ts";
import type { Any } from "../../protos/gen/google.ts";
import { Data, WindowUpdate } from "../../protos/gen/streaming.ts";

/** What a receiver grants at a time. */
const WINDOW_BYTES = 64 * 1024;
/** Most bytes of one message. */
const CHUNK_BYTES = 32 * 1024;

/** One opened stream of a channel: messages for containerd, taken by the ttrpc handler. */
class Session {
  readonly #queue: Any[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  send(message: Any): void {
    this.#queue.push(message);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *messages(): AsyncGenerator<Any> {
    for (;;) {
      const message = this.#queue.shift();
      if (message !== undefined) yield message;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

export class StreamChannel {
  #session: Session | undefined;
  /** Bytes that containerd still takes. */
  #credit = 0;
  #creditWaiter: (() => void) | undefined;
  /** Bytes that containerd may still send. */
  #granted = 0;
  #reader: Readable | undefined;
  #writer: Writable | undefined;
  /** Input that came before anybody read. */
  readonly #early: Buffer[] = [];
  #earlyEnd = false;

  /** Serves a stream that containerd opened, until either side ends it. */
  async *attach(incoming: AsyncIterator<Any>): AsyncGenerator<Any> {
    const session = new Session();
    this.#session?.end();
    this.#session = session;
    this.#credit = 0;
    // An empty message says that the stream is known.
    session.send({ typeUrl: "", value: new Uint8Array(0) });
    this.#granted = 0;
    if (this.#reader !== undefined) this.#grantWindow();
    void this.#receive(session, incoming);
    yield* session.messages();
    if (this.#session === session) this.#session = undefined;
  }

  async #receive(session: Session, incoming: AsyncIterator<Any>): Promise<void> {
    try {
      for (let next = await incoming.next(); next.done !== true; next = await incoming.next()) {
        this.#onMessage(next.value);
      }
      // containerd half-closes: as the sender of stdin that is end of file.
      if (this.#session === session) this.#onInputEnd();
    } catch {
      // The connection ended; the stream goes on when containerd opens it again.
      session.end();
    }
  }

  #onMessage(message: Any): void {
    const window = unpackAny(message, WindowUpdate);
    if (window !== undefined) {
      this.#credit += window.update;
      this.#creditWaiter?.();
      return;
    }
    const data = unpackAny(message, Data);
    if (data === undefined) return;
    const bytes = Buffer.from(data.data);
    this.#granted -= bytes.length;
    if (this.#reader === undefined) this.#early.push(bytes);
    else this.#reader.push(bytes);
  }

  #onInputEnd(): void {
    if (this.#reader === undefined) this.#earlyEnd = true;
    else this.#reader.push(null);
  }

  #grantWindow(): void {
    const bytes = WINDOW_BYTES - this.#granted;
    if (bytes <= 0 || this.#session === undefined) return;
    this.#granted += bytes;
    this.#session.send(packAny(WindowUpdate, { update: bytes }));
  }

  /** The channel as stdin: containerd sends, we grant as much as the reader has taken. */
  reader(): Readable {
    const reader = new Readable({
      highWaterMark: WINDOW_BYTES,
      read: () => this.#grantWindow(),
      destroy: (error, done) => {
        this.#session?.end();
        done(error);
      },
    });
    this.#reader = reader;
    for (const bytes of this.#early.splice(0)) reader.push(bytes);
    if (this.#earlyEnd) reader.push(null);
    return reader;
  }

  /** The channel as stdout or stderr: we send, containerd grants. */
  writer(): Writable {
    const writer = new Writable({
      highWaterMark: WINDOW_BYTES,
      write: (chunk: Buffer, _encoding, done) => {
        this.#send(chunk, writer).then(() => done(), done);
      },
      final: (done) => {
        this.#session?.end();
        done();
      },
      destroy: (error, done) => {
        this.#session?.end();
        this.#creditWaiter?.();
        done(error);
      },
    });
    this.#writer = writer;
    return writer;
  }

  async #send(chunk: Buffer, writer: Writable): Promise<void> {
    for (let offset = 0; offset < chunk.length;) {
      while (this.#credit <= 0) {
        if (writer.destroyed) return;
        await new Promise<void>((resolve) => (this.#creditWaiter = resolve));
      }
      const size = Math.min(chunk.length - offset, this.#credit, CHUNK_BYTES);
      this.#credit -= size;
      this.#session?.send(packAny(Data, { data: chunk.subarray(offset, offset + size) }));
      offset += size;
    }
  }

  /** Both of its uses are over. */
  get isDone(): boolean {
    return (
      (this.#reader?.destroyed ?? true) &&
      (this.#writer?.destroyed ?? true) &&
      (this.#reader !== undefined || this.#writer !== undefined)
    );
  }
}
