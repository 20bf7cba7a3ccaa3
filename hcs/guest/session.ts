/**
 * What belongs to one conversation with a guest and not to the socket that carries it: ids, stdio ports and
 * the calls under way. One object, so that a conversation could be taken along to another connection.
 */
import { LINUX_GUEST_PORT } from "../schema/hv-socket.ts";

/** How a call under way ends: with the answer's body, or without one because the connection is gone. */
export interface PendingCall {
  answered(body: Buffer): void;
  lost(): void;
}

export interface SessionStart {
  /** Id of the first request. */
  readonly id: bigint;
  /** Port of the first stream. */
  readonly port: number;
}

export class Session {
  readonly #calls: Map<bigint, PendingCall> = new Map();
  readonly #firstId: bigint;
  #nextId: bigint;
  #nextPort: number;

  /** @param start where the numbers of an earlier conversation with the same guest end */
  constructor(start: SessionStart = { id: 0n, port: LINUX_GUEST_PORT.firstStdio }) {
    this.#firstId = start.id;
    this.#nextId = start.id;
    this.#nextPort = start.port;
  }

  /** True for ids that requests of this conversation have used. */
  hasUsed(id: bigint): boolean {
    return id >= this.#firstId && id < this.#nextId;
  }

  takeId(): bigint {
    return this.#nextId++;
  }

  /** The next port for a stream of a process. Never reused: a guest may dial an old one at any time. */
  takePort(): number {
    return this.#nextPort++;
  }

  add(id: bigint, call: PendingCall): void {
    this.#calls.set(id, call);
  }

  /** Removes and returns the call that `id` belongs to. */
  take(id: bigint): PendingCall | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  /** Removes and returns every call, oldest first. */
  takeAll(): PendingCall[] {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    return calls;
  }
}
