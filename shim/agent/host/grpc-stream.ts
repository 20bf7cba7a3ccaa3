/**
 * gRPC as a client, over any byte stream: Node's HTTP/2 and the framing of messages. grpc-js takes no stream of its caller's,
 * and there is but one method to call.
 *
 * Source: gRPC over HTTP/2 (grpc/grpc, doc/PROTOCOL-HTTP2.md).
 */
import { once } from "node:events";
import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from "node:http2";
import type { Duplex } from "node:stream";
import { abortable } from "../../clock.ts";
import { asError, messageOf } from "../../errors.ts";
import { AgentError, statusOf } from "../protocol/errors.ts";
import { WINDOW_BYTES } from "../protocol/wire.ts";

/** Flag and length in front of each message. */
const PREFIX_BYTES = 5;

export class GrpcConnection {
  readonly #session: ClientHttp2Session;
  readonly #messageBytes: number;
  /** Settles when the connection has ended, for whatever reason. */
  readonly closed: Promise<void>;
  #failure: Error | undefined;

  /** @param messageBytes longest message that is accepted */
  constructor(stream: Duplex, messageBytes: number) {
    this.#messageBytes = messageBytes;
    // Sockets other than TCP lack what HTTP/2 sets on them; nothing is lost.
    this.#session = connect("http://agent", {
      createConnection: () => stream,
      settings: { initialWindowSize: WINDOW_BYTES, enablePush: false },
    });
    this.#session.on("error", (error: Error) => (this.#failure ??= error));
    stream.on("error", (error: Error) => (this.#failure ??= error));
    this.closed = new Promise((resolve) => this.#session.once("close", () => resolve()));
    this.#session.once("remoteSettings", () => this.#session.setLocalWindowSize(WINDOW_BYTES));
  }

  /** Resolves when the peer has spoken HTTP/2: a byte stream alone does not say that anybody is there. */
  async ready(signal: AbortSignal): Promise<void> {
    const settings = once(this.#session, "remoteSettings");
    const gone = this.closed.then(() => {
      throw this.#gone("the connection ended before the peer said anything");
    });
    settings.catch(() => undefined);
    gone.catch(() => undefined);
    await abortable(Promise.race([settings, gone]), signal);
  }

  /** Resolves when the peer has answered. */
  async ping(signal: AbortSignal): Promise<void> {
    const answered = new Promise<void>((resolve, reject) => {
      const sent =
        !this.#session.destroyed &&
        this.#session.ping((error) => (error === null ? resolve() : reject(asError(error))));
      if (!sent) reject(this.#gone("the connection has ended"));
    });
    await abortable(answered, signal);
  }

  open(path: string, metadata: Readonly<Record<string, string>> = {}): GrpcStream {
    if (this.#session.destroyed || this.#session.closed) throw this.#gone("the connection has ended");
    const stream = this.#session.request(
      {
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
        ...metadata,
      },
      { endStream: false },
    );
    return new GrpcStream(stream, this.#messageBytes, (why) => this.#gone(why));
  }

  close(): void {
    this.#session.destroy();
  }

  #gone(why: string): AgentError {
    const detail = this.#failure === undefined ? why : `${why}: ${this.#failure.message}`;
    return new AgentError("unavailable", detail, {
      cause: this.#failure,
      consequences: { retryable: true, sideEffects: "unknown" },
    });
  }
}

/** A call with streams both ways. */
export class GrpcStream {
  readonly #stream: ClientHttp2Stream;
  readonly #messageBytes: number;
  readonly #gone: (why: string) => AgentError;
  #status: IncomingHttpHeaders | undefined;
  #failure: Error | undefined;

  constructor(stream: ClientHttp2Stream, messageBytes: number, gone: (why: string) => AgentError) {
    this.#stream = stream;
    this.#messageBytes = messageBytes;
    this.#gone = gone;
    stream.on("response", (headers) => {
      if (headers["grpc-status"] !== undefined) this.#status = headers;
    });
    stream.on("trailers", (headers: IncomingHttpHeaders) => (this.#status = headers));
    stream.on("error", (error: Error) => (this.#failure ??= error));
  }

  /** Resolves when more may be sent. What cannot be sent shows where messages are read. */
  async send(message: Uint8Array): Promise<void> {
    const stream = this.#stream;
    if (stream.destroyed || stream.writableEnded) return;
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32BE(message.length, 1);
    stream.write(prefix);
    if (stream.write(message)) return;
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        stream.off("drain", settle).off("close", settle);
        resolve();
      };
      stream.on("drain", settle).on("close", settle);
    });
  }

  /** Half-close: nothing more will be sent. */
  end(): void {
    this.#stream.end();
  }

  get isOver(): boolean {
    return this.#stream.destroyed;
  }

  cancel(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  /** Messages up to the end of the stream. @throws {AgentError} with the status it ended with, unless that is OK */
  async *messages(): AsyncGenerator<Buffer> {
    const reader = new MessageReader(this.#messageBytes);
    try {
      for await (const chunk of this.#stream) {
        reader.push(chunk as Buffer);
        for (let message = reader.next(); message !== undefined; message = reader.next()) yield message;
      }
    } catch (error) {
      if (error instanceof AgentError) {
        this.cancel();
        throw error;
      }
      throw this.#failureOf() ?? this.#broken(error);
    }
    const failure = this.#status === undefined ? this.#broken(this.#failure) : this.#failureOf();
    if (failure !== undefined) throw failure;
    reader.end();
  }

  /** What the peer's status says; undefined where that is OK, or there is none. */
  #failureOf(): AgentError | undefined {
    const status = this.#status?.["grpc-status"];
    if (status === undefined || status === "0") return undefined;
    const text = this.#status?.["grpc-message"];
    const message = typeof text === "string" ? decodeMessage(text) : `status ${String(status)}`;
    return new AgentError(statusOf(Number(status)), message);
  }

  #broken(error: unknown): AgentError {
    const why = error === undefined ? "it ended without a status" : messageOf(error);
    return this.#gone(`the stream broke: ${why}`);
  }
}

/** Percent-encoded; what is not well-formed stays as it is. */
function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Cuts a byte stream into messages without joining what is not needed yet. */
export class MessageReader {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #length = 0;
  #expected: number | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** @throws {AgentError} for a compressed message, or one that is too long */
  next(): Buffer | undefined {
    if (this.#expected === undefined) {
      if (this.#length < PREFIX_BYTES) return undefined;
      const prefix = this.#take(PREFIX_BYTES);
      if (prefix[0] !== 0) throw new AgentError("unimplemented", "the peer sent a compressed message");
      const length = prefix.readUInt32BE(1);
      if (length > this.#limit)
        throw new AgentError(
          "resource exhausted",
          `the peer sent a message of ${length} bytes, at most ${this.#limit} are accepted`,
        );
      this.#expected = length;
    }
    if (this.#length < this.#expected) return undefined;
    const message = this.#take(this.#expected);
    this.#expected = undefined;
    return message;
  }

  /** @throws {AgentError} where the stream ended within a message */
  end(): void {
    if (this.#length === 0 && this.#expected === undefined) return;
    throw new AgentError("internal", "the stream ended within a message");
  }

  #take(count: number): Buffer {
    this.#length -= count;
    const [first] = this.#chunks;
    if (first !== undefined && first.length > count) {
      this.#chunks[0] = first.subarray(count);
      return first.subarray(0, count);
    }
    if (first?.length === count) {
      this.#chunks.shift();
      return first;
    }
    const parts: Buffer[] = [];
    for (let missing = count; missing > 0;) {
      const chunk = this.#chunks.shift();
      if (chunk === undefined) break;
      const part = chunk.subarray(0, missing);
      parts.push(part);
      missing -= part.length;
      if (part.length < chunk.length) this.#chunks.unshift(chunk.subarray(part.length));
    }
    return Buffer.concat(parts, count);
  }
}
