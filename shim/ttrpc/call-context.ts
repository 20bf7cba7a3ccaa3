/** What a handler is told about the call it serves. */
import type { KeyValue } from "../../protos/gen/ttrpc.ts";
import { Alarm } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { Metadata } from "./metadata.ts";
import { Code, RpcError } from "./status.ts";

/** The connection a call came in on. The same object for all its calls, so that it can be a key. */
export interface CallConnection {
  /** Unique in this process, never reused. */
  readonly id: number;
}

/** The second argument of every handler. */
export interface CallContext {
  /** Fully qualified service name, as called: one handler may serve several. */
  readonly service: string;
  readonly method: string;
  readonly connection: CallConnection;
  /** What came with the call, keys in lower case. */
  readonly metadata: Metadata;
  /** How long the client said it would wait, in milliseconds; negative when it had given up before it sent the call. */
  readonly timeoutMs: number | undefined;
  /** When the client stops waiting, on the scale of `performance.now()`. */
  readonly deadline: number | undefined;
  /**
   * Aborted when the deadline has passed, the connection has ended or the server closes; the reason is an
   * {@link RpcError} that may be thrown as it is. There is no other cancellation, and nobody waits for a handler to
   * notice: one that must complete a change of state does so, and what it returns is then dropped.
   */
  readonly signal: AbortSignal;
}

/** What a request says beside its payload. */
export interface CallEnvelope {
  /** Time the caller is willing to wait, in nanoseconds; 0 means for ever. */
  readonly timeoutNano: bigint;
  readonly metadata: readonly KeyValue[];
}

/** A context with the strings that end it. */
export class ServerCallContext implements CallContext {
  readonly service: string;
  readonly method: string;
  readonly connection: CallConnection;
  readonly timeoutMs: number | undefined;
  readonly deadline: number | undefined;
  readonly #pairs: readonly KeyValue[];
  readonly #clock: Clock;
  #metadata: Metadata | undefined;
  // Most handlers look at neither: a controller and a timer for each call would cost more than the call.
  #controller: AbortController | undefined;
  #alarm: Alarm | undefined;
  #abortReason: RpcError | undefined;
  #released = false;

  constructor(
    service: string,
    method: string,
    connection: CallConnection,
    request: CallEnvelope,
    clock: Clock,
  ) {
    this.service = service;
    this.method = method;
    this.connection = connection;
    // Not the request itself: a call may last as long as a container, the bytes it came in need not.
    this.#pairs = request.metadata;
    this.#clock = clock;
    if (request.timeoutNano !== 0n) {
      this.timeoutMs = Number(request.timeoutNano) / 1e6;
      this.deadline = clock.monotonic() + this.timeoutMs;
    }
  }

  get metadata(): Metadata {
    return (this.#metadata ??= Metadata.fromKeyValues(this.#pairs));
  }

  get signal(): AbortSignal {
    return (this.#controller ??= this.#createController()).signal;
  }

  /** Aborts the signal, or sees to it that it is aborted when the handler asks for it. Only the first reason counts. */
  abort(reason: RpcError): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#alarm?.cancel();
    this.#controller?.abort(reason);
  }

  /** The handler is done: its deadline does not matter any more. The signal stays as it is. */
  release(): void {
    this.#released = true;
    this.#alarm?.cancel();
  }

  #createController(): AbortController {
    const controller = new AbortController();
    if (this.#abortReason !== undefined) controller.abort(this.#abortReason);
    else if (this.deadline !== undefined && !this.#released) {
      if (this.deadline <= this.#clock.monotonic()) {
        this.#abortReason = deadlineExceeded();
        controller.abort(this.#abortReason);
      } else this.#alarm = new Alarm(this.#clock, this.deadline, () => this.abort(deadlineExceeded()));
    }
    return controller;
  }
}

function deadlineExceeded(): RpcError {
  return new RpcError(Code.DeadlineExceeded, "context deadline exceeded");
}
