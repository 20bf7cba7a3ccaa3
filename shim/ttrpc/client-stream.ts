/**
 * One streaming call of a client. Which frames it sends:
 *
 *     local side     send()        closeSend()              server's terminator
 *     open           data frame    end of stream → closed   → ended
 *     closed         refused       nothing                  → ended
 *     ended          refused       nothing                  (not routed here)
 *
 * After the terminator nothing is sent, not even a half-close: servers up to ttrpc 1.2.7 crash on data for a stream that
 * they have finished. For the same reason a stream that is given up ends silently.
 */
import { Response } from "../../protos/gen/ttrpc.ts";
import type { MessageType, MethodDescriptor } from "../../protos/types.ts";
import { CallLimit } from "./call-limit.ts";
import type { CallOptions, Failure } from "./call-limit.ts";
import type { ClientConnection, MethodHead, Outgoing, Receiver } from "./client-connection.ts";
import { encodeRequestTail, writeData, writeEndOfStream } from "./envelope.ts";
import { FRAME_FLAG, oversizeText } from "./frame.ts";
import { Inbox, payloadError } from "./inbox.ts";
import { Metadata } from "./metadata.ts";
import { Code, RpcError, rpcErrorFromStatus } from "./status.ts";

const NO_BYTES = new Uint8Array(0);

/**
 * A streaming call. Iterate over it for the server's messages; leaving the loop early gives the call up.
 *
 * @example
 * const stream = client.stream(Streaming, "Stream");
 * await stream.send(packAny(StreamInit, { id }));
 * for await (const message of stream) …
 */
export class ClientStream<I, O> implements AsyncIterable<O> {
  readonly #connection: ClientConnection;
  readonly #name: string;
  readonly #input: MessageType<I>;
  readonly #inbox: Inbox<O>;
  readonly #limit: CallLimit;
  readonly #receiver: Receiver;
  readonly #serverStreaming: boolean;
  #local: "open" | "closed" | "ended";
  #streamId = 0;
  /** Why it ended, when that was not in order. */
  #failure: Failure | undefined;
  readonly #pendingSends: Set<PendingSend> = new Set();

  /** @param payload the request, for methods that take a single one */
  constructor(
    connection: ClientConnection,
    head: MethodHead,
    method: MethodDescriptor<I, O>,
    payload: Uint8Array | undefined,
    options: CallOptions,
  ) {
    this.#connection = connection;
    this.#name = head.name;
    this.#input = method.input;
    this.#serverStreaming = method.serverStreaming;
    this.#local = method.clientStreaming ? "open" : "closed";
    this.#inbox = new Inbox(method.output, () => {});
    this.#receiver = {
      onResponse: (body) => this.#onResponse(body),
      onData: (flags, body) => this.#onData(flags, body),
      onFailure: (failure) => this.#end(failure),
    };
    this.#limit = new CallLimit(head.name, options, connection.clock, (failure) => this.#end(failure));

    const metadata = options.metadata === undefined ? undefined : Metadata.from(options.metadata);
    const flags = method.clientStreaming ? FRAME_FLAG.remoteOpen : FRAME_FLAG.remoteClosed;
    const request = payload ?? NO_BYTES;
    this.#submit(head.bytes.length + request.length, () => {
      const tail = encodeRequestTail(this.#limit.remainingNano(), metadata);
      const result = connection.open({ head, payload: request, tail, flags }, this.#receiver);
      if (typeof result === "function") this.#end(result);
      else this.#streamId = result;
    }).catch(() => {
      // Whatever kept it from being sent has ended the stream, and is thrown from there.
    });
  }

  /**
   * Sends a message. Await it: it waits as long as the server does not read.
   *
   * @throws {RpcError} when the stream has ended, or the message is too long, after which the stream goes on
   */
  async send(message: Partial<I>): Promise<void> {
    if (this.#local !== "open") throw this.#notOpen();
    const body = this.#input.encode(message);
    const limit = this.#connection.limits.maxMessageLength;
    if (body.length > limit) throw new RpcError(Code.ResourceExhausted, oversizeText(body.length, limit));
    await this.#submit(body.length, () => {
      writeData(this.#connection.connection.output, this.#streamId, FRAME_FLAG.none, body);
    });
  }

  /** Tells the server that no further message follows. */
  async closeSend(): Promise<void> {
    if (this.#local !== "open") return;
    this.#local = "closed";
    await this.#submit(0, () => writeEndOfStream(this.#connection.connection.output, this.#streamId));
  }

  /** The next message, or undefined after the last one. */
  async receive(): Promise<O | undefined> {
    return (await this.#next()).value;
  }

  /**
   * Half-closes, and waits for the one answer of a method that takes a stream and gives a single message.
   *
   * @throws {RpcError} what the server answered, or that it ended the stream without an answer
   */
  async finish(): Promise<O> {
    await this.closeSend();
    const message = await this.receive();
    if (message === undefined)
      throw new RpcError(Code.Internal, `protocol error: "${this.#name}" ended without an answer`);
    return message;
  }

  /** Gives the call up: the iterator fails. The server learns nothing of it before the connection ends. */
  cancel(reason: Error = new Error("given up")): void {
    const text = `cannot go on with "${this.#name}": ${reason.message}`;
    this.#end(() => new RpcError(Code.Canceled, text, { cause: reason }), true);
  }

  [Symbol.asyncIterator](): AsyncIterator<O, undefined> {
    return {
      next: () => this.#next(),
      return: async () => {
        this.cancel();
        return this.#inbox.return();
      },
    };
  }

  async #next(): Promise<IteratorResult<O, undefined>> {
    try {
      return await this.#inbox.next();
    } catch (error) {
      // A message that cannot be decoded leaves a hole: the rest is of no use.
      if (this.#local !== "ended") this.#end(() => (error instanceof RpcError ? error : payloadError(error)));
      // Made anew where the caller waits, so that the stack is the caller's and not the socket's.
      throw this.#failure?.() ?? error;
    }
  }

  #onResponse(body: Uint8Array): void {
    let response: Response;
    try {
      response = Response.decode(body);
    } catch (error) {
      this.#end(() => payloadError(error));
      return;
    }
    const { status, payload } = response;
    if (status !== undefined && status.code !== Code.OK) {
      this.#end(() => rpcErrorFromStatus(status));
      return;
    }
    this.#inbox.push(payload);
    this.#end(undefined);
  }

  #onData(flags: number, body: Uint8Array): void {
    if ((flags & FRAME_FLAG.noData) === 0) {
      if (!this.#serverStreaming) {
        this.#end(() => new RpcError(Code.Internal, `protocol error: data in answer to "${this.#name}"`));
        return;
      }
      this.#inbox.push(body);
    }
    if ((flags & FRAME_FLAG.remoteClosed) !== 0) {
      this.#end(undefined);
      return;
    }
    // Not reading would keep the answers of all other calls from arriving (ttrpc#229): this stream fails, they go on.
    const limit = this.#connection.limits.streamQueueBytes;
    if (this.#inbox.bytes > limit) {
      const text = `cannot go on with "${this.#name}": more than ${limit} bytes have arrived and were not taken`;
      this.#end(() => new RpcError(Code.ResourceExhausted, text), true);
    }
  }

  #end(failure: Failure | undefined, discard = false): void {
    if (this.#local === "ended") return;
    this.#local = "ended";
    this.#failure = failure;
    this.#connection.forget(this.#streamId);
    this.#limit.release();
    for (const pending of this.#pendingSends) {
      this.#connection.withdraw(pending);
      pending.reject(this.#notOpen());
    }
    this.#pendingSends.clear();
    if (failure === undefined) this.#inbox.end();
    else this.#inbox.fail(failure(), discard);
  }

  #notOpen(): RpcError {
    if (this.#failure !== undefined) return this.#failure();
    const state = this.#local === "closed" ? "half-closed" : "ended";
    return new RpcError(Code.FailedPrecondition, `cannot send on stream "${this.#name}": stream is ${state}`);
  }

  /** Sends something in its turn; resolves when it has been handed over. */
  #submit(bytes: number, transmit: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const pending: PendingSend = {
        bytes,
        reject,
        transmit: () => {
          this.#pendingSends.delete(pending);
          transmit();
          resolve();
        },
        onFailure: (failure) => {
          this.#pendingSends.delete(pending);
          reject(failure());
          this.#end(failure);
        },
      };
      this.#pendingSends.add(pending);
      this.#connection.submit(pending);
    });
  }
}

interface PendingSend extends Outgoing {
  reject(error: RpcError): void;
}
