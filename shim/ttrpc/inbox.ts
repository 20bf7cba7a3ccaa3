/** The messages of one stream that have arrived and have not been asked for yet. */
import type { MessageType } from "../../protos/types.ts";
import { Code, RpcError } from "./status.ts";

/** Counted for each message in addition to its bytes, so that a flood of empty ones counts too. */
const MESSAGE_OVERHEAD_BYTES = 64;

/** Taken messages are cut off the front of the list when there are this many. */
const COMPACT_AT = 1024;

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: RpcError): void;
}

/** A queue between frames that arrive and a reader that iterates. Messages are decoded when they are taken. */
export class Inbox<T> implements AsyncIterableIterator<T> {
  readonly #type: MessageType<T>;
  readonly #onTaken: () => void;
  #bodies: Uint8Array[] = [];
  #taken = 0;
  #bytes = 0;
  readonly #waiters: Waiter<T>[] = [];
  /** Set once nothing more comes; the error is thrown once, after what had arrived before it. */
  #end: { error: RpcError | undefined } | undefined;

  /** @param onTaken called when there is room again */
  constructor(type: MessageType<T>, onTaken: () => void) {
    this.#type = type;
    this.#onTaken = onTaken;
  }

  /** Memory held by messages nobody has taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether no further message is accepted. */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Adds a message. After the end it is dropped. */
  push(body: Uint8Array): void {
    if (this.#end !== undefined) return;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      this.#deliver(body, waiter);
      return;
    }
    this.#bodies.push(body);
    this.#bytes += body.length + MESSAGE_OVERHEAD_BYTES;
  }

  /** No further message comes. */
  end(): void {
    this.#finish(undefined);
  }

  /**
   * No further message comes, and the reader must know why.
   *
   * @param discard drop what has arrived before; else it is handed out first
   */
  fail(error: RpcError, discard = false): void {
    if (this.#end !== undefined) return;
    this.#finish(error);
    if (discard) this.#clear();
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      const body = this.#bodies[this.#taken];
      if (body !== undefined) this.#take(body, { resolve, reject });
      else if (this.#end === undefined) this.#waiters.push({ resolve, reject });
      else this.#tellEnd({ resolve, reject });
    });
  }

  /** The reader wants no more: what is queued and what still comes is dropped. */
  async return(): Promise<IteratorResult<T, undefined>> {
    this.#end = { error: undefined };
    this.#clear();
    for (const waiter of this.#waiters.splice(0)) this.#tellEnd(waiter);
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(body: Uint8Array, reader: Waiter<T>): void {
    this.#taken++;
    this.#bytes -= body.length + MESSAGE_OVERHEAD_BYTES;
    if (this.#taken === this.#bodies.length) {
      this.#bodies = [];
      this.#taken = 0;
    } else if (this.#taken === COMPACT_AT) {
      this.#bodies.splice(0, this.#taken);
      this.#taken = 0;
    }
    this.#deliver(body, reader);
    this.#onTaken();
  }

  #deliver(body: Uint8Array, reader: Waiter<T>): void {
    let value: T;
    try {
      value = this.#type.decode(body);
    } catch (error) {
      // A stream with a hole in it is worse than one that failed.
      this.#end = { error: undefined };
      this.#clear();
      reader.reject(payloadError(error));
      for (const waiter of this.#waiters.splice(0)) this.#tellEnd(waiter);
      return;
    }
    reader.resolve({ done: false, value });
  }

  #finish(error: RpcError | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    for (const waiter of this.#waiters.splice(0)) this.#tellEnd(waiter);
  }

  #tellEnd(reader: Waiter<T>): void {
    const error = this.#end?.error;
    if (error === undefined) {
      reader.resolve({ done: true, value: undefined });
      return;
    }
    this.#end = { error: undefined };
    reader.reject(error);
  }

  #clear(): void {
    this.#bodies = [];
    this.#taken = 0;
    this.#bytes = 0;
    this.#onTaken();
  }
}

/** The error for a message that is not what the method takes or gives. */
export function payloadError(cause: unknown): RpcError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RpcError(Code.Internal, `ttrpc: error unmarshalling payload: ${reason}`, { cause });
}
