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

/** What goes to containerd: output, or credit for its input. An empty one says that the stream is known. */
type Outgoing = { readonly data: Buffer } | { readonly credit: number } | "known";

/** One opening of the stream: messages for containerd, taken by the ttrpc handler as fast as the connection takes them. */
class Session {
  readonly #queue: Outgoing[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  send(message: Outgoing): void {
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
      if (message !== undefined) yield encode(message);
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Output that nobody took. */
  leftovers(): Buffer[] {
    return this.#queue
      .splice(0)
      .flatMap((message) => (typeof message === "object" && "data" in message ? [message.data] : []));
  }
}

function encode(message: Outgoing): Any {
  if (message === "known") return { typeUrl: "", value: new Uint8Array(0) };
  return "data" in message ? packAny(Data, message) : packAny(WindowUpdate, { update: message.credit });
}

export class StreamChannel {
  #session: Session | undefined;
  /** Bytes that containerd still takes. */
  #credit = 0;
  /** Bytes that containerd may still send. */
  #granted = 0;
  /** Output that waits for credit. */
  #backlog: Buffer[] = [];
  #backlogTaken: (() => void) | undefined;
  #reader: Readable | undefined;
  #writer: Writable | undefined;
  /** Input that came before anybody read. */
  readonly #early: Buffer[] = [];
  #earlyEnd = false;

  /** Serves a stream that containerd opened, until either side ends it. */
  async *attach(incoming: AsyncIterator<Any>): AsyncGenerator<Any> {
    const session = new Session();
    this.#detach(this.#session);
    this.#session = session;
    session.send("known");
    if (this.#reader !== undefined) this.#grantWindow();
    if (this.#writer?.writableFinished === true) session.end();
    void this.#receive(session, incoming);
    try {
      yield* session.messages();
    } finally {
      this.#detach(session);
    }
  }

  /** The opening is over; what it did not deliver goes to the next one, under new credit. */
  #detach(session: Session | undefined): void {
    if (session === undefined || this.#session !== session) return;
    session.end();
    this.#session = undefined;
    this.#credit = 0;
    this.#granted = 0;
    this.#backlog.unshift(...session.leftovers());
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
      this.#detach(session);
    }
  }

  #onMessage(message: Any): void {
    const window = unpackAny(message, WindowUpdate);
    if (window !== undefined) {
      this.#credit += window.update;
      this.#flush();
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
    const credit = WINDOW_BYTES - this.#granted;
    if (credit <= 0 || this.#session === undefined) return;
    this.#granted += credit;
    this.#session.send({ credit });
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
        this.#backlog.push(chunk);
        this.#backlogTaken = done;
        this.#flush();
      },
      final: (done) => {
        this.#session?.end();
        done();
      },
      destroy: (error, done) => {
        this.#backlog = [];
        this.#session?.end();
        done(error);
      },
    });
    this.#writer = writer;
    return writer;
  }

  /** Sends what the credit allows; the writer may go on when nothing waits any more. */
  #flush(): void {
    for (let chunk = this.#backlog[0]; chunk !== undefined && this.#credit > 0; chunk = this.#backlog[0]) {
      if (this.#session === undefined) return;
      const size = Math.min(chunk.length, this.#credit, CHUNK_BYTES);
      this.#credit -= size;
      this.#session.send({ data: chunk.subarray(0, size) });
      if (size < chunk.length) this.#backlog[0] = chunk.subarray(size);
      else this.#backlog.shift();
    }
    if (this.#backlog.length > 0) return;
    const taken = this.#backlogTaken;
    this.#backlogTaken = undefined;
    taken?.();
  }

  /** Its stream was used and is over. */
  get isDone(): boolean {
    const used = [this.#reader, this.#writer].filter((stream) => stream !== undefined);
    return used.length > 0 && used.every(({ destroyed }) => destroyed);
  }
}
