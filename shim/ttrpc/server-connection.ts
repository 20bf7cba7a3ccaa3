/**
 * One connection of a server: requests go to handlers, answers go back in the order in which they are ready. Nothing a
 * peer sends may end more than the stream it was sent on.
 */
import type { Duplex } from "node:stream";
import { ServerCallContext } from "./call-context.ts";
import type { CallConnection } from "./call-context.ts";
import { Alarm } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { Connection } from "./connection.ts";
import type { ConnectionHandler } from "./connection.ts";
import { nextConnectionId } from "./diagnostics.ts";
import type { Reporter } from "./diagnostics.ts";
import { RequestReader, writeStatus } from "./envelope.ts";
import { FRAME_TYPE, oversizeText } from "./frame.ts";
import { payloadError } from "./inbox.ts";
import type { RegisteredMethod, Registry } from "./registry.ts";
import { ServerStream, sendReply } from "./server-stream.ts";
import type { StreamHost } from "./server-stream.ts";
import { Code, RpcError, statusOf } from "./status.ts";

/** Limits of each connection of a server, with the defaults of {@link DEFAULT_LIMITS}. */
export interface ServerLimits {
  /** The longest message, in bytes, both ways. Peers accept no more than the default. */
  readonly maxMessageLength: number;
  /** With more bytes than this waiting to be read by a peer, nothing more is taken from it. */
  readonly maxQueuedBytes: number;
  /** With more bytes than this waiting in a stream for its handler, nothing more is taken from the peer … */
  readonly streamQueueBytes: number;
  /** … but no longer than this, in milliseconds: then the stream fails, and the others go on. */
  readonly streamStallMs: number;
  /** How long a peer has to read the last answers when its connection is closed, in milliseconds. */
  readonly flushMs: number;
}

/**
 * Is told what a server owes on each connection, so that another process can take the connection over
 * ({@link Server.handleConnection}). Calls that are answered within the event they came in with are never owed. None of these
 * may throw.
 */
export interface ConnectionObserver {
  onOpened(connection: CallConnection, stream: Duplex): void;
  onClosed(connection: CallConnection): void;
  /** @param request the body of its frame; empty for streams, which only who began them can go on with */
  onPending(connection: CallConnection, streamId: number, request: Uint8Array): void;
  onAnswered(connection: CallConnection, streamId: number): void;
  /** What has been read ends within a frame: nobody else could read on. */
  onPartial(connection: CallConnection, isPartial: boolean): void;
}

/** A call that another process has taken and not answered. */
export interface PendingCall {
  readonly streamId: number;
  /** The body of its frame; without one the call is answered as unavailable. */
  readonly request?: Uint8Array;
}

/** What a connection needs from its server. */
export interface ServerConnectionHost {
  readonly observer: ConnectionObserver | undefined;
  readonly registry: Registry;
  readonly limits: ServerLimits;
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** A handler has been started, or has ended. */
  onCall(change: 1 | -1): void;
  onConnectionClosed(connection: ServerConnection): void;
}

/** A call whose handler is running. */
interface RunningCall {
  readonly streamId: number;
  readonly method: RegisteredMethod;
  readonly context: ServerCallContext;
  /** For diagnostics: when it began, on the server's clock; undefined while nobody listens. */
  readonly startedAt: number | undefined;
  /** The observer was told of it. */
  isPending: boolean;
}

const NO_BYTES = new Uint8Array(0);
const LOST_TEXT = "the process that served this call has died";
const CLOSED_TEXT = "ttrpc: server closed";
const EVEN_ID_TEXT = "StreamID must be odd for client initiated streams";

/** A connection that a server has accepted. */
export class ServerConnection implements CallConnection, ConnectionHandler, StreamHost {
  readonly id: number = nextConnectionId();
  readonly connection: Connection;
  readonly maxMessageLength: number;
  readonly #host: ServerConnectionHost;
  readonly #request = new RequestReader();
  readonly #running: Set<RunningCall> = new Set();
  /** Streams that have not ended, by id. */
  readonly #streams: Map<number, ServerStream> = new Map();
  /** Streams whose queue is over the limit, with the alarm that fails them. */
  readonly #crowded: Map<ServerStream, Alarm> = new Map();
  #lastStreamId = 0;
  #closing = false;
  #readingPaused = false;

  constructor(stream: Duplex, host: ServerConnectionHost) {
    this.#host = host;
    this.maxMessageLength = host.limits.maxMessageLength;
    this.connection = new Connection(stream, this, {
      maxMessageLength: host.limits.maxMessageLength,
      highWaterBytes: host.limits.maxQueuedBytes,
      clock: host.clock,
    });
    if (host.reporter.active) {
      host.reporter.report({ kind: "connection-opened", side: "server", connectionId: this.id });
    }
  }

  /** Handlers that are running, those whose client has gone included. */
  get inFlight(): number {
    return this.#running.size;
  }

  /** Serves what an earlier server of this connection has left unanswered. */
  resume(pending: readonly PendingCall[]): void {
    for (const { streamId, request } of [...pending].sort((one, other) => one.streamId - other.streamId)) {
      if (request === undefined) this.#refuse(streamId, FRAME_TYPE.request, lostError());
      else this.#onRequest(streamId, request);
    }
  }

  onPartial(isPartial: boolean): void {
    this.#host.observer?.onPartial(this, isPartial);
  }

  /** Takes no further calls, aborts streams, and closes as soon as no handler is running. */
  shutdown(): void {
    if (this.#closing) return;
    this.#closing = true;
    for (const call of this.#running) {
      if (this.#streams.has(call.streamId)) call.context.abort(closedError());
    }
    if (this.#running.size === 0) this.end();
  }

  /** Tells all handlers that nobody waits any more. They can still answer. */
  abort(reason: RpcError = closedError()): void {
    for (const call of this.#running) call.context.abort(reason);
  }

  /** Sends what is queued and closes. */
  end(): void {
    this.connection.end(this.#host.limits.flushMs);
  }

  /** Closes at once. */
  destroy(): void {
    this.#closing = true;
    this.connection.destroy();
  }

  onFrame(streamId: number, type: number, flags: number, body: Uint8Array): void {
    if (type === FRAME_TYPE.request) this.#onRequest(streamId, body);
    else if (type === FRAME_TYPE.data) this.#onData(streamId, flags, body);
    // Anything else, also types of a later protocol, is none of a server's business.
    else this.#note("frame-ignored", streamId, type, "frame type has no meaning for a server");
    this.#regulate();
  }

  onOversize(streamId: number, type: number, _flags: number, length: number): void {
    const text = oversizeText(length, this.maxMessageLength);
    const error = new RpcError(Code.ResourceExhausted, text);
    const stream = this.#streams.get(streamId);
    if (type === FRAME_TYPE.request) {
      this.#refuse(streamId, type, error);
      stream?.abandon(error);
    } else if (type === FRAME_TYPE.data && stream !== undefined) {
      this.#note("frame-refused", streamId, type, text);
      stream.fail(error);
    } else this.#note("frame-ignored", streamId, type, text);
    this.#regulate();
  }

  onDrain(): void {
    this.#regulate();
  }

  onClose(cause: Error | undefined): void {
    const { reporter } = this.#host;
    if (reporter.active) {
      const inFlight = this.#running.size;
      reporter.report({ kind: "connection-closed", side: "server", connectionId: this.id, inFlight, cause });
    }
    const gone = new RpcError(Code.Canceled, "context canceled", {
      cause: cause ?? new Error("connection ended"),
    });
    for (const stream of [...this.#streams.values()]) stream.abandon(gone);
    this.abort(gone);
    this.#host.observer?.onClosed(this);
    this.#host.onConnectionClosed(this);
  }

  onLevel(stream: ServerStream): void {
    const { clock, limits } = this.#host;
    const alarm = this.#crowded.get(stream);
    if (stream.queuedBytes > limits.streamQueueBytes) {
      if (alarm !== undefined || this.connection.closed || !this.#streams.has(stream.id)) return;
      this.#crowded.set(
        stream,
        new Alarm(clock, clock.monotonic() + limits.streamStallMs, () => {
          stream.fail(new RpcError(Code.ResourceExhausted, "data handling error: ttrpc: stream buffer full"));
        }),
      );
      this.#regulate();
    } else if (alarm !== undefined && stream.queuedBytes <= limits.streamQueueBytes / 2)
      this.#relieve(stream);
  }

  onEnded(stream: ServerStream): void {
    this.#streams.delete(stream.id);
    this.#relieve(stream);
  }

  #onRequest(streamId: number, body: Uint8Array): void {
    const type = FRAME_TYPE.request;
    if (streamId % 2 !== 1) {
      this.#refuse(streamId, type, invalid(EVEN_ID_TEXT));
      return;
    }
    if (streamId <= this.#lastStreamId) {
      const error = invalid("StreamID cannot be re-used and must increment");
      this.#refuse(streamId, type, error);
      // To the client that response ended the stream.
      this.#streams.get(streamId)?.abandon(error);
      return;
    }
    this.#lastStreamId = streamId;

    const request = this.#request;
    try {
      request.read(body);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#refuse(streamId, type, invalid(`unmarshal request error: ${reason}`));
      return;
    }
    if (this.#closing) {
      this.#refuse(streamId, type, closedError());
      return;
    }
    const service = this.#host.registry.find(request.service);
    const method = service?.get(request.method);
    if (method === undefined) {
      const missing = service === undefined ? `service ${request.service}` : `method ${request.method}`;
      this.#refuse(streamId, type, new RpcError(Code.Unimplemented, missing));
      return;
    }
    this.#start(streamId, method, request, body);
  }

  #start(streamId: number, method: RegisteredMethod, request: RequestReader, body: Uint8Array): void {
    const { clock, reporter } = this.#host;
    const { name, clientStreaming, serverStreaming } = method.descriptor;
    const context = new ServerCallContext(method.service, name, this, request, clock);
    const startedAt = reporter.followsCalls ? clock.monotonic() : undefined;
    const call: RunningCall = { streamId, method, context, startedAt, isPending: false };
    this.#running.add(call);
    this.#host.onCall(1);
    if (!clientStreaming && !serverStreaming) {
      this.#runUnary(call, body, request.payloadStart, request.payloadEnd);
      if (this.#host.observer !== undefined && this.#running.has(call)) this.#owe(call, body);
      return;
    }
    this.#owe(call, NO_BYTES);
    // Known before its handler runs: a handler that is done at once must find its own entry to remove.
    const stream = new ServerStream(streamId, method, context, this);
    this.#streams.set(streamId, stream);
    void stream
      .run(body.subarray(request.payloadStart, request.payloadEnd))
      .then((error) => this.#finish(call, error));
  }

  #owe(call: RunningCall, body: Uint8Array): void {
    call.isPending = true;
    this.#host.observer?.onPending(this, call.streamId, body);
  }

  #runUnary(call: RunningCall, body: Uint8Array, payloadStart: number, payloadEnd: number): void {
    let request: unknown;
    try {
      request = call.method.descriptor.input.decode(body, payloadStart, payloadEnd);
    } catch (error) {
      this.#answer(call, undefined, payloadError(error));
      return;
    }
    let reply: unknown;
    try {
      reply = call.method.handler(request, call.context);
    } catch (error) {
      this.#answer(call, undefined, error ?? nothingThrown());
      return;
    }
    if (isThenable(reply)) {
      reply.then(
        (value) => this.#answer(call, value, undefined),
        (error: unknown) => this.#answer(call, undefined, error ?? nothingThrown()),
      );
    } else this.#answer(call, reply, undefined);
  }

  /** Sends what a unary handler gave. It must not throw: it may run where nobody catches. */
  #answer(call: RunningCall, reply: unknown, thrown: unknown): void {
    let error = thrown;
    if (this.connection.writable) {
      const { output } = this.connection;
      if (error === undefined) {
        try {
          sendReply(output, call.streamId, call.method.descriptor.output, reply, this.maxMessageLength);
        } catch (failure) {
          error = failure;
        }
      }
      if (error !== undefined) writeStatus(output, call.streamId, statusOf(error), this.maxMessageLength);
      this.connection.schedule();
    }
    call.context.release();
    this.#finish(call, error);
  }

  #finish(call: RunningCall, error: unknown): void {
    this.#running.delete(call);
    if (call.isPending) this.#host.observer?.onAnswered(this, call.streamId);
    if (call.startedAt !== undefined) this.#reportCall(call, call.startedAt, error);
    this.#host.onCall(-1);
    if (this.#closing && this.#running.size === 0) this.end();
    else this.#regulate();
  }

  #onData(streamId: number, flags: number, body: Uint8Array): void {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) {
      stream.onData(flags, body);
      return;
    }
    if (streamId % 2 !== 1) {
      this.#refuse(streamId, FRAME_TYPE.data, invalid(EVEN_ID_TEXT));
      return;
    }
    if (streamId <= this.#lastStreamId) {
      // A client half-closes after our terminator as a matter of course. Data on the id of a unary call is a mistake, but
      // no reason to fail a call that is being served.
      this.#note("frame-ignored", streamId, FRAME_TYPE.data, "stream has ended or takes no data");
      return;
    }
    this.#refuse(streamId, FRAME_TYPE.data, invalid("StreamID is no longer active"));
  }

  /** Answers a frame with an error. */
  #refuse(streamId: number, type: number, error: RpcError): void {
    this.#note("frame-refused", streamId, type, error.message);
    if (!this.connection.writable) return;
    writeStatus(this.connection.output, streamId, statusOf(error), this.maxMessageLength);
    this.connection.schedule();
  }

  /** Stops or resumes reading, according to how much waits on either side. */
  #regulate(): void {
    if (this.connection.closed) return;
    const pause = this.connection.congested || this.#crowded.size > 0;
    if (pause === this.#readingPaused) return;
    this.#readingPaused = pause;
    const { reporter } = this.#host;
    if (reporter.active) {
      reporter.report({
        kind: pause ? "reading-paused" : "reading-resumed",
        side: "server",
        connectionId: this.id,
        queuedBytes: this.connection.queuedBytes,
      });
    }
    if (pause) this.connection.pause();
    else this.connection.resume();
  }

  #relieve(stream: ServerStream): void {
    const alarm = this.#crowded.get(stream);
    if (alarm === undefined) return;
    alarm.cancel();
    this.#crowded.delete(stream);
    this.#regulate();
  }

  #reportCall(call: RunningCall, startedAt: number, error: unknown): void {
    this.#host.reporter.report({
      kind: "call-finished",
      side: "server",
      connectionId: this.id,
      streamId: call.streamId,
      service: call.method.service,
      method: call.method.descriptor.name,
      code: error === undefined ? Code.OK : statusOf(error).code,
      durationMs: this.#host.clock.monotonic() - startedAt,
      delivered: this.connection.writable,
      error,
    });
  }

  #note(kind: "frame-refused" | "frame-ignored", streamId: number, type: number, reason: string): void {
    const { reporter } = this.#host;
    if (!reporter.active) return;
    reporter.report({ kind, side: "server", connectionId: this.id, streamId, type, reason });
  }
}

function lostError(): RpcError {
  return new RpcError(Code.Unavailable, LOST_TEXT);
}

function closedError(): RpcError {
  return new RpcError(Code.Unavailable, CLOSED_TEXT);
}

function invalid(text: string): RpcError {
  return new RpcError(Code.InvalidArgument, text);
}

/** `throw undefined` and `Promise.reject()` are failures too. */
function nothingThrown(): Error {
  return new Error("handler failed without an error");
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
