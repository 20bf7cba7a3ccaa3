/**
 * One streaming call on the server, from its request to its terminator. Which frames it may still send or take is
 * decided here alone:
 *
 *     state         client's data            handler's message   handler done          handler failed
 *     open          queued                   data frame          terminator → ended    status → ended
 *     half-closed   status → ended           data frame          terminator → ended    status → ended
 *     ended         (not routed here)        dropped             nothing               nothing
 *
 * The terminator is a data frame with the end-of-stream flags for methods that answer with a stream, a response for the
 * others. After it the id is forgotten, though the client's own half-close, which is bound to come later, has not been
 * seen.
 */
import type { MessageType } from "../../protos/types.ts";
import type { ServerCallContext } from "./call-context.ts";
import type { Connection } from "./connection.ts";
import {
  responseLength,
  writeData,
  writeEndOfStream,
  writeReply,
  writeResponse,
  writeStatus,
} from "./envelope.ts";
import { FRAME_FLAG, oversizeText } from "./frame.ts";
import { Inbox, payloadError } from "./inbox.ts";
import type { Output } from "./output.ts";
import type { RegisteredMethod } from "./registry.ts";
import { Code, RpcError, rpcErrorOf, statusOf } from "./status.ts";

/** What a stream needs from the connection it runs on. */
export interface StreamHost {
  readonly connection: Connection;
  readonly maxMessageLength: number;
  /** The stream's queue has grown or shrunk. */
  onLevel(stream: ServerStream): void;
  /** The id is free of the stream; its handler may still be running. */
  onEnded(stream: ServerStream): void;
}

/** A streaming call of a server. */
export class ServerStream {
  readonly id: number;
  readonly context: ServerCallContext;
  readonly #host: StreamHost;
  readonly #method: RegisteredMethod;
  readonly #inbox: Inbox<unknown>;
  #state: "open" | "half-closed" | "ended" = "open";

  constructor(id: number, method: RegisteredMethod, context: ServerCallContext, host: StreamHost) {
    this.id = id;
    this.context = context;
    this.#host = host;
    this.#method = method;
    this.#inbox = new Inbox(method.descriptor.input, () => this.#host.onLevel(this));
    if (!method.descriptor.clientStreaming) this.#state = "half-closed";
    // A handler that waits for the next message must not wait longer than its caller.
    const { signal } = context;
    const onAbort = (): void => this.#inbox.fail(rpcErrorOf(signal.reason));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  }

  /** Memory held by messages that the handler has not taken. */
  get queuedBytes(): number {
    return this.#inbox.bytes;
  }

  /**
   * Runs the handler.
   *
   * @returns what the handler failed with, even when the client was not told because the stream had ended before
   */
  async run(payload: Uint8Array): Promise<RpcError | undefined> {
    try {
      const { descriptor, handler } = this.#method;
      const result = handler(this.#requestOf(payload), this.context);
      if (descriptor.serverStreaming) {
        await this.#sendAll(result as AsyncIterable<object>);
        this.#finish(() => writeEndOfStream(this.#host.connection.output, this.id));
      } else {
        const reply = encodeReply(descriptor.output, await result, this.#host.maxMessageLength);
        this.#finish(() => writeResponse(this.#host.connection.output, this.id, reply));
      }
      return undefined;
    } catch (error) {
      const failure = rpcErrorOf(error);
      this.#finish(() => this.#writeStatus(failure));
      return failure;
    } finally {
      this.context.release();
      await this.#inbox.return();
    }
  }

  /** Takes a data frame of the client. */
  onData(flags: number, body: Uint8Array): void {
    const hasMessage = (flags & FRAME_FLAG.noData) === 0;
    if (hasMessage && this.#state === "half-closed") {
      this.fail(dataError("ttrpc: stream closed"));
      return;
    }
    if (!hasMessage && body.length > 0) {
      this.fail(dataError(`a frame without data carries ${body.length} bytes`));
      return;
    }
    if (hasMessage) {
      this.#inbox.push(body);
      this.#host.onLevel(this);
    }
    // A Go server takes no message together with the half-close, the published protocol allows it.
    if ((flags & FRAME_FLAG.remoteClosed) !== 0 && this.#state === "open") {
      this.#state = "half-closed";
      this.#inbox.end();
    }
  }

  /** Ends the stream with an error: the client gets the status, the handler's signal and iterator get the error. */
  fail(error: RpcError): void {
    this.#finish(() => this.#writeStatus(error));
    this.#inbox.fail(error, true);
    this.context.abort(error);
  }

  /** Ends the stream without a word to the client, who is gone or has been answered. */
  abandon(error: RpcError): void {
    this.#finish(undefined);
    this.context.abort(error);
  }

  /** The handler's first argument. */
  #requestOf(payload: Uint8Array): unknown {
    if (!this.#method.descriptor.clientStreaming) {
      try {
        return this.#method.descriptor.input.decode(payload);
      } catch (error) {
        throw payloadError(error);
      }
    }
    if (payload.length > 0) this.#inbox.push(payload);
    return this.#inbox;
  }

  async #sendAll(messages: AsyncIterable<object>): Promise<void> {
    const { connection, maxMessageLength } = this.#host;
    for await (const message of messages) {
      if (this.#ended()) return;
      const body = encodeMessage(this.#method.descriptor.output, message);
      if (body.length > maxMessageLength) throw tooLong(body.length, maxMessageLength);
      writeData(connection.output, this.id, FRAME_FLAG.none, body);
      connection.schedule();
      if (connection.congested) await connection.drained();
    }
  }

  #writeStatus(error: RpcError): void {
    writeStatus(this.#host.connection.output, this.id, statusOf(error), this.#host.maxMessageLength);
  }

  #ended(): boolean {
    return this.#state === "ended";
  }

  #finish(terminate: (() => void) | undefined): void {
    if (this.#ended()) return;
    this.#state = "ended";
    if (terminate !== undefined && this.#host.connection.writable) {
      terminate();
      this.#host.connection.schedule();
    }
    this.#host.onEnded(this);
  }
}

/** Encodes what a handler answered. */
export function encodeReply(type: MessageType<unknown>, reply: unknown, limit: number): Uint8Array {
  const payload = encodeMessage(type, reply);
  const length = responseLength(payload);
  if (length > limit) throw tooLong(length, limit);
  return payload;
}

/** Encodes what a unary handler answered into its response frame. When it throws, nothing was written. */
export function sendReply(
  output: Output,
  streamId: number,
  type: MessageType<unknown>,
  reply: unknown,
  limit: number,
): void {
  const length = marshalled(reply, (message) => writeReply(output, streamId, type, message, limit));
  if (length > limit) throw tooLong(length, limit);
}

function encodeMessage(type: MessageType<unknown>, reply: unknown): Uint8Array {
  return marshalled(reply, (message) => type.encode(message));
}

/** The result of `marshal`, with its failures in the words of Go servers. */
function marshalled<R>(reply: unknown, marshal: (message: object) => R): R {
  if (reply === undefined || reply === null)
    throw new RpcError(Code.Unknown, "ttrpc: marshal called with nil");
  try {
    return marshal(reply);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RpcError(Code.Internal, `ttrpc: error marshalling payload: ${reason}`, { cause: error });
  }
}

function tooLong(length: number, limit: number): RpcError {
  return new RpcError(Code.ResourceExhausted, oversizeText(length, limit));
}

function dataError(reason: string): RpcError {
  return new RpcError(Code.InvalidArgument, `data handling error: ${reason}`);
}
