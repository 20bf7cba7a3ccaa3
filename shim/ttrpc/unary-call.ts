/** One unary call of a client, from its place in the queue to its outcome. */
import { Response } from "../../protos/gen/ttrpc.ts";
import { CallLimit } from "./call-limit.ts";
import type { CallOptions, Failure } from "./call-limit.ts";
import type { ClientConnection, MethodHead, Outgoing, Receiver } from "./client-connection.ts";
import { encodeRequestTail } from "./envelope.ts";
import { FRAME_FLAG } from "./frame.ts";
import { payloadError } from "./inbox.ts";
import { Metadata } from "./metadata.ts";
import { Code, RpcError } from "./status.ts";

/** The answer of the server, or why there is none. */
export type Outcome = Response | Failure;

const NO_BYTES = new Uint8Array(0);

/** A unary call. */
export class UnaryCall implements Outgoing, Receiver {
  readonly bytes: number;
  readonly #connection: ClientConnection;
  readonly #head: MethodHead;
  readonly #metadata: Metadata | undefined;
  readonly #limit: CallLimit | undefined;
  readonly #settle: (outcome: Outcome) => void;
  #payload: Uint8Array;
  /** 0 until it is sent. */
  #streamId = 0;

  constructor(
    connection: ClientConnection,
    head: MethodHead,
    payload: Uint8Array,
    options: CallOptions | undefined,
    settle: (outcome: Outcome) => void,
  ) {
    this.#connection = connection;
    this.#head = head;
    this.#payload = payload;
    this.#settle = settle;
    this.#metadata = options?.metadata === undefined ? undefined : Metadata.from(options.metadata);
    this.bytes = head.bytes.length + payload.length;
    if (options?.signal !== undefined || options?.timeoutMs !== undefined) {
      this.#limit = new CallLimit(head.name, options, connection.clock, (failure) => {
        connection.withdraw(this);
        connection.forget(this.#streamId);
        this.#finish(failure);
      });
    }
  }

  transmit(): void {
    const tail = encodeRequestTail(this.#limit?.remainingNano() ?? 0n, this.#metadata);
    const opening = { head: this.#head, payload: this.#payload, tail, flags: FRAME_FLAG.none };
    const result = this.#connection.open(opening, this);
    // A call may last as long as a container; its request need not stay in memory.
    this.#payload = NO_BYTES;
    if (typeof result === "function") this.#finish(result);
    else this.#streamId = result;
  }

  onResponse(body: Uint8Array): void {
    this.#connection.forget(this.#streamId);
    let response: Response;
    try {
      response = Response.decode(body);
    } catch (error) {
      this.#finish(() => payloadError(error));
      return;
    }
    this.#finish(response);
  }

  onData(): void {
    this.#connection.forget(this.#streamId);
    const text = `protocol error: data in answer to unary call "${this.#head.name}"`;
    this.#finish(() => new RpcError(Code.Internal, text));
  }

  onFailure(failure: Failure): void {
    this.#finish(failure);
  }

  #finish(outcome: Outcome): void {
    this.#limit?.release();
    this.#settle(outcome);
  }
}
