/**
 * The connection under the guest's calls: frames on one stream, requests joined with their responses by id,
 * notifications handed on. Knows messages, but neither containers nor processes (`connection.ts`).
 */
import type { Duplex } from "node:stream";
import { HcsError } from "../errors.ts";
import { HRESULT } from "../hresult-table.ts";
import { stringifyJson } from "../json.ts";
import { createDeferred, type Deferred } from "../deferred.ts";
import { report } from "./diagnostics.ts";
import {
  connectionClosedError,
  describeCall,
  guestError,
  protocolError,
  type CallSubject,
} from "./errors.ts";
import { DEFAULT_MAX_FRAME_BYTES, encodeFrame, FrameDecoder, FrameError, type Frame } from "./frame.ts";
import {
  CONTAINER_NOTIFICATION,
  describeType,
  frameKind,
  NULL_ACTIVITY_ID,
  REQUEST_TYPE,
  type MessageName,
  type RequestBody,
  type ResponseBody,
} from "./protocol.ts";
import { readNotification, readResponse, type ReadNotification } from "./responses.ts";
import { Session, type SessionStart } from "./session.ts";
import { isMalformed } from "./shape.ts";

export interface GuestBridgeOptions {
  /** The VM's name for errors and diagnostics. */
  readonly name: string;
  /** Largest frame the guest may send, header included. Default 4 MiB. */
  readonly maxFrameBytes?: number;
  /** The limit of calls that come without a signal. A wait for a process has none. */
  readonly defaultSignal?: () => AbortSignal;
  readonly onNotification: (notification: ReadNotification) => void;
  /** Of a guest that somebody has talked to before. */
  readonly session?: SessionStart;
}

/** How the connection ended: its owner closed it, or it was lost. */
export type BridgeEnd = { readonly cause: "closed" } | { readonly cause: "lost"; readonly error: HcsError };

export interface RequestOptions<Name extends MessageName> {
  readonly signal?: AbortSignal;
  /**
   * Receives the answer that came after the caller had given up, whether it reports success or failure;
   * `undefined` when the connection ended first. Without it such an answer is dropped.
   */
  readonly late?: (response: ResponseBody<Name> | undefined) => void;
}

/** The answer to a wait comes when the process exits, however long that takes. */
const UNLIMITED: ReadonlySet<MessageName> = new Set<MessageName>(["WaitForProcess"]);

/** Requests the guest has not read yet may take this much memory before further calls are refused. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024;

export class GuestBridge {
  readonly name: string;
  /** Settles once, when the connection has ended. Never rejects. */
  readonly ended: Promise<BridgeEnd>;
  readonly session: Session;
  readonly #stream: Duplex;
  readonly #options: GuestBridgeOptions;
  readonly #decoder: FrameDecoder;
  readonly #ended: Deferred<BridgeEnd> = createDeferred();
  #end: BridgeEnd | undefined;

  constructor(stream: Duplex, options: GuestBridgeOptions) {
    this.name = options.name;
    this.ended = this.#ended.promise;
    this.#stream = stream;
    this.#options = options;
    this.session = new Session(options.session);
    this.#decoder = new FrameDecoder(options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES);
    // Stays attached after the end: destroying a stream may still make it report an error.
    stream.on("error", (error) => this.#lose("the connection failed", error));
    stream.on("end", () => this.#endOfStream());
    stream.on("close", () => this.#lose("the connection was closed"));
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    if (stream.destroyed || stream.readableEnded) this.#lose("the connection was closed");
  }

  /**
   * Sends a request and returns its successful answer. Rejects with `HcsError` when the guest reports a
   * failure or the connection ends, with the signal's reason when that fires first; the connection lives on.
   */
  async request<Name extends MessageName>(
    message: Name,
    body: RequestBody<Name>,
    options: RequestOptions<Name> = {},
  ): Promise<ResponseBody<Name>> {
    const signal = options.signal ?? (UNLIMITED.has(message) ? undefined : this.#options.defaultSignal?.());
    signal?.throwIfAborted();
    const subject = describeCall(message, body, this.name);
    this.#checkWritable(subject);
    const { ContainerId, ...rest } = body;
    // The reference host ends each body with a newline; guests do not mind, and captures compare equal.
    const text = `${stringifyJson({ ContainerId, ActivityId: NULL_ACTIVITY_ID, ...rest })}\n`;
    const startedAt = performance.now();
    const outcome = await this.#exchange(message, subject, text, signal, options.late);
    report({
      guest: this.name,
      event: "call",
      message,
      containerId: ContainerId,
      durationMs: performance.now() - startedAt,
      hresult: outcome.kind === "answered" ? (outcome.response.Result ?? 0) >>> 0 : undefined,
    });
    switch (outcome.kind) {
      case "aborted":
        throw outcome.reason;
      case "lost":
        throw this.#endedError(subject);
      case "malformed":
        throw protocolError(subject, outcome.error);
      case "answered":
        if ((outcome.response.Result ?? 0) !== 0) throw guestError(subject, outcome.response);
        return outcome.response;
    }
  }

  /** Ends the connection. Calls under way reject with `HCS_E_CONNECTION_CLOSED`. Idempotent. */
  async close(): Promise<void> {
    this.#finish({ cause: "closed" });
    if (!this.#stream.closed) await new Promise<void>((resolve) => this.#stream.once("close", resolve));
  }

  /** Resolves with what became of one request; the id is forgotten when its caller gives up. */
  #exchange<Name extends MessageName>(
    message: Name,
    subject: CallSubject,
    text: string,
    signal: AbortSignal | undefined,
    late: ((response: ResponseBody<Name> | undefined) => void) | undefined,
  ): Promise<Outcome<ResponseBody<Name>>> {
    const { promise, resolve } = createDeferred<Outcome<ResponseBody<Name>>>();
    const id = this.session.takeId();
    const frame = encodeFrame(REQUEST_TYPE[message], id, text);
    const settle = (outcome: Outcome<ResponseBody<Name>>) => {
      signal?.removeEventListener("abort", giveUp);
      resolve(outcome);
    };
    const giveUp = () => {
      this.session.take(id);
      if (late !== undefined) {
        this.session.add(id, {
          answered: (body) => {
            const response = this.#read(message, subject, body);
            late(response instanceof Error ? undefined : response);
          },
          lost: () => late(undefined),
        });
      }
      settle({ kind: "aborted", reason: signal?.reason });
    };
    this.session.add(id, {
      answered: (body) => {
        const response = this.#read(message, subject, body);
        settle(
          response instanceof Error ? { kind: "malformed", error: response } : { kind: "answered", response },
        );
      },
      lost: () => settle({ kind: "lost" }),
    });
    signal?.addEventListener("abort", giveUp, { once: true });
    this.#stream.write(frame);
    return promise;
  }

  /** A response that cannot be read costs the guest its connection. */
  #read<Name extends MessageName>(
    message: Name,
    subject: CallSubject,
    body: Buffer,
  ): ResponseBody<Name> | Error {
    try {
      return readResponse(message, body);
    } catch (error) {
      if (!isMalformed(error)) throw error;
      this.#finish({ cause: "lost", error: protocolError(subject, error) });
      return error;
    }
  }

  #checkWritable(subject: CallSubject): void {
    if (this.#end !== undefined) throw this.#endedError(subject);
    const unsent = this.#stream.writableLength;
    if (unsent > MAX_UNSENT_BYTES) {
      throw new HcsError({
        ...subject,
        hresult: HRESULT.connectionTimeout,
        detail: `the guest has left ${unsent} bytes of requests unread`,
      });
    }
  }

  #endedError(subject: CallSubject): HcsError {
    const end = this.#end;
    return end?.cause === "lost"
      ? connectionClosedError(subject, `the guest connection was lost: ${end.error.detail}`, end.error)
      : connectionClosedError(subject, "the guest connection was closed");
  }

  #receive(chunk: Buffer): void {
    try {
      this.#decoder.push(chunk, (frame) => {
        if (this.#end === undefined) this.#dispatch(frame);
      });
    } catch (error) {
      if (!(error instanceof FrameError || isMalformed(error))) throw error;
      this.#finish({ cause: "lost", error: protocolError(this.#subject(), error) });
    }
  }

  #dispatch(frame: Frame): void {
    switch (frameKind(frame.type)) {
      case "response": {
        const call = this.session.take(frame.id);
        if (call !== undefined) call.answered(frame.body);
        else this.#ignore(frame, this.session.hasUsed(frame.id) ? "late response" : "unknown id");
        return;
      }
      case "notification":
        if (frame.type === CONTAINER_NOTIFICATION) this.#options.onNotification(readNotification(frame.body));
        else this.#ignore(frame, "unknown type");
        return;
      case "none":
      case "request":
      case "unknown":
        this.#ignore(frame, "unknown type");
    }
  }

  #ignore(frame: Frame, why: "late response" | "unknown id" | "unknown type"): void {
    report({ guest: this.name, event: "ignored-frame", frame: describeType(frame.type), id: frame.id, why });
  }

  #endOfStream(): void {
    const partial = this.#decoder.pendingBytes;
    this.#lose(
      partial === 0
        ? "the guest closed the connection"
        : `the guest closed the connection ${partial} bytes into a frame`,
    );
  }

  #lose(detail: string, cause?: Error): void {
    const text = cause === undefined ? detail : `${detail}: ${cause.message}`;
    this.#finish({ cause: "lost", error: connectionClosedError(this.#subject(), text, cause) });
  }

  #subject(): CallSubject {
    return { operation: "talk to guest", target: this.name };
  }

  #finish(end: BridgeEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#stream.destroy();
    for (const call of this.session.takeAll()) call.lost();
    this.#ended.resolve(end);
  }
}

type Outcome<Response> =
  | { readonly kind: "answered"; readonly response: Response }
  | { readonly kind: "malformed"; readonly error: Error }
  | { readonly kind: "lost" }
  | { readonly kind: "aborted"; readonly reason: unknown };
