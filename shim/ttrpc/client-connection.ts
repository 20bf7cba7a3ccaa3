/**
 * The client's side of one connection: ids, what waits to be sent, and who waits for what arrives. Reading never stops:
 * a client that does not read while it cannot write is how two peers come to wait for each other for ever (ttrpc#72).
 */
import type { Duplex } from "node:stream";
import type { Failure } from "./call-limit.ts";
import type { Clock } from "./clock.ts";
import { Connection } from "./connection.ts";
import type { ConnectionHandler } from "./connection.ts";
import { nextConnectionId } from "./diagnostics.ts";
import type { Reporter } from "./diagnostics.ts";
import { requestLength, writeRequest } from "./envelope.ts";
import { FRAME_TYPE, oversizeText } from "./frame.ts";
import { Code, ConnectionClosedError, RpcError } from "./status.ts";

/** Limits of a client's connection. */
export interface ClientLimits {
  /** The longest message, in bytes, both ways. Peers accept no more than the default. */
  readonly maxMessageLength: number;
  /** With more bytes than this on their way to the socket, further messages wait and can still be taken back. */
  readonly highWaterBytes: number;
  /** With more bytes than this on their way and waiting, calls and messages are refused. */
  readonly maxQueuedBytes: number;
  /** The connection is cut when the peer has read nothing for this long though there was something, in milliseconds. */
  readonly writeStallMs: number;
  /** A stream with more bytes than this that its caller has not taken fails. */
  readonly streamQueueBytes: number;
}

/** Takes the frames of one stream id. */
export interface Receiver {
  onResponse(body: Uint8Array): void;
  onData(flags: number, body: Uint8Array): void;
  /** Nothing more comes for this id. */
  onFailure(failure: Failure): void;
}

/** Something to be sent, in its turn. */
export interface Outgoing {
  /** Length of the message, for the limit. */
  readonly bytes: number;
  /** It is its turn: write the frame. */
  transmit(): void;
  /** It will not be sent. */
  onFailure(failure: Failure): void;
}

/** The last odd number of 32 bits. */
const LAST_STREAM_ID = 0xffff_ffff;

/** What every call of a method has in common. */
export interface MethodHead {
  /** `service/method`, for error texts. */
  readonly name: string;
  /** Fields 1 and 2 of the request. */
  readonly bytes: Uint8Array;
}

/** What one request carries. */
export interface Opening {
  readonly head: MethodHead;
  readonly payload: Uint8Array;
  /** Fields 4 and 5 of the request. */
  readonly tail: Uint8Array;
  readonly flags: number;
}

/** One connection of a client. */
export class ClientConnection implements ConnectionHandler {
  readonly id: number = nextConnectionId();
  readonly connection: Connection;
  readonly limits: ClientLimits;
  readonly clock: Clock;
  /** Resolves when the connection has ended, with the reason if it was not simply closed. */
  readonly closed: Promise<Error | undefined>;
  readonly #reporter: Reporter;
  readonly #receivers: Map<number, Receiver> = new Map();
  readonly #waiting: Set<Outgoing> = new Set();
  #waitingBytes = 0;
  #nextStreamId = 1;
  #closeReason: { cause: Error | undefined } | undefined;
  readonly #resolveClosed: (cause: Error | undefined) => void;

  constructor(stream: Duplex, limits: ClientLimits, clock: Clock, reporter: Reporter) {
    this.limits = limits;
    this.clock = clock;
    this.#reporter = reporter;
    let resolveClosed: (cause: Error | undefined) => void = () => {};
    this.closed = new Promise((resolve) => (resolveClosed = resolve));
    this.#resolveClosed = resolveClosed;
    this.connection = new Connection(stream, this, {
      maxMessageLength: limits.maxMessageLength,
      highWaterBytes: limits.highWaterBytes,
      writeStallMs: limits.writeStallMs,
      clock,
    });
    if (reporter.active)
      reporter.report({ kind: "connection-opened", side: "client", connectionId: this.id });
  }

  /** Calls and streams that are under way, those that wait to be sent not included. */
  get inFlight(): number {
    return this.#receivers.size;
  }

  /** Messages that wait until the peer has read what was sent before. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Sends something at once or in its turn; refuses it by its own `onFailure`. */
  submit(outgoing: Outgoing): void {
    const { connection, limits } = this;
    if (this.#closeReason !== undefined) {
      outgoing.onFailure(this.#closedFailure());
      return;
    }
    if (this.#waiting.size === 0 && !connection.congested) {
      outgoing.transmit();
      connection.schedule();
      return;
    }
    const queued = connection.queuedBytes + this.#waitingBytes;
    if (queued + outgoing.bytes > limits.maxQueuedBytes) {
      const text = `cannot send ${outgoing.bytes} bytes: ${queued} bytes are queued, peer does not read`;
      outgoing.onFailure(() => new RpcError(Code.ResourceExhausted, text));
      return;
    }
    this.#waiting.add(outgoing);
    this.#waitingBytes += outgoing.bytes;
  }

  /** Takes back what has not been sent yet. */
  withdraw(outgoing: Outgoing): void {
    if (this.#waiting.delete(outgoing)) this.#waitingBytes -= outgoing.bytes;
  }

  /**
   * Writes a request, whose turn it is, under the next id: ids must rise in the order of the frames.
   *
   * @returns the id, or why the request cannot be sent
   */
  open(opening: Opening, receiver: Receiver): number | Failure {
    const { head, payload, tail, flags } = opening;
    const { maxMessageLength } = this.limits;
    const length = requestLength(head.bytes, payload, tail);
    if (length > maxMessageLength) {
      const text = `cannot call "${head.name}": ${oversizeText(length, maxMessageLength)}`;
      return () => new RpcError(Code.ResourceExhausted, text);
    }
    const streamId = this.#nextStreamId;
    // Ids are never used twice. Whoever reconnects when a connection is closed must do so here too.
    if (streamId > LAST_STREAM_ID)
      return () => new ConnectionClosedError(new Error("all stream ids are used up"));
    this.#nextStreamId += 2;
    this.#receivers.set(streamId, receiver);
    writeRequest(this.connection.output, streamId, flags, head.bytes, payload, tail);
    return streamId;
  }

  /** Whoever waited for this id does not any more. Frames that still come for it are dropped. */
  forget(streamId: number): void {
    this.#receivers.delete(streamId);
  }

  destroy(): void {
    this.connection.destroy();
  }

  onFrame(streamId: number, type: number, flags: number, body: Uint8Array): void {
    const receiver = this.#receivers.get(streamId);
    if (receiver === undefined) {
      // Late answers to calls that were given up are normal.
      this.#ignore(streamId, type, "no call with this stream id is under way");
    } else if (type === FRAME_TYPE.response) receiver.onResponse(body);
    else if (type === FRAME_TYPE.data) receiver.onData(flags, body);
    else {
      const text = `protocol error: frame type ${type} has no meaning for a client`;
      this.#fail(streamId, receiver, () => new RpcError(Code.Internal, text));
    }
  }

  onOversize(streamId: number, type: number, _flags: number, length: number): void {
    const receiver = this.#receivers.get(streamId);
    const text = oversizeText(length, this.limits.maxMessageLength);
    if (receiver === undefined) this.#ignore(streamId, type, text);
    else this.#fail(streamId, receiver, () => new RpcError(Code.ResourceExhausted, text));
  }

  onDrain(): void {
    for (const outgoing of this.#waiting) {
      if (this.connection.congested) return;
      this.withdraw(outgoing);
      outgoing.transmit();
      this.connection.schedule();
    }
  }

  onClose(cause: Error | undefined): void {
    this.#closeReason = { cause };
    if (this.#reporter.active) {
      const inFlight = this.#receivers.size;
      this.#reporter.report({
        kind: "connection-closed",
        side: "client",
        connectionId: this.id,
        inFlight,
        cause,
      });
    }
    const failure = this.#closedFailure();
    const receivers = [...this.#receivers.values()];
    const waiting = [...this.#waiting];
    this.#receivers.clear();
    this.#waiting.clear();
    this.#waitingBytes = 0;
    for (const receiver of receivers) receiver.onFailure(failure);
    for (const outgoing of waiting) outgoing.onFailure(failure);
    this.#resolveClosed(cause);
  }

  #closedFailure(): Failure {
    const cause = this.#closeReason?.cause;
    return () => new ConnectionClosedError(cause);
  }

  #fail(streamId: number, receiver: Receiver, failure: Failure): void {
    this.forget(streamId);
    receiver.onFailure(failure);
  }

  #ignore(streamId: number, type: number, reason: string): void {
    if (!this.#reporter.active) return;
    this.#reporter.report({
      kind: "frame-ignored",
      side: "client",
      connectionId: this.id,
      streamId,
      type,
      reason,
    });
  }
}
