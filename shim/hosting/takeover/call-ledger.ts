/**
 * The calls that a process has taken and not answered, in a file: what another process owes that takes its connections over.
 * One system call of a few hundred bytes for each call and each answer; a file survives the process that wrote it, whatever
 * killed it.
 *
 * Slots of fixed size, numbers unsigned 32 bits, little-endian:
 *
 * ```
 * state (0 free, 1 call, 2 connection that was read into a frame), connection, stream, length of the request, request
 * ```
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import type { ConnectionObserver, PendingCall } from "../../ttrpc/index.ts";

const SLOT = 512;
const HEAD = 16;
const STATE = { free: 0, call: 1, partial: 2 } as const;

/** Instead of a length: the request was too long to be kept. */
const NOT_KEPT = 0xffff_ffff;

type Writer = Pick<ConnectionObserver, "onPending" | "onAnswered" | "onPartial" | "onClosed">;

/** Writes what is owed, as a server tells it. */
export class CallLedger implements Writer {
  readonly #file: number;
  readonly #slot = Buffer.alloc(SLOT);
  readonly #used = new Map<string, number>();
  readonly #free: number[] = [];
  #slots = 0;

  /** An older one at `path` is replaced. */
  constructor(path: string) {
    this.#file = openSync(path, "w", 0o600);
  }

  onPending({ id }: { readonly id: number }, streamId: number, request: Uint8Array): void {
    const isKept = request.length > 0 && request.length <= SLOT - HEAD;
    if (isKept) this.#slot.set(request, HEAD);
    const length = isKept ? request.length : NOT_KEPT;
    this.#write(`${id}/${streamId}`, [STATE.call, id, streamId, length], isKept ? HEAD + length : HEAD);
  }

  onAnswered({ id }: { readonly id: number }, streamId: number): void {
    this.#strike(`${id}/${streamId}`);
  }

  onPartial({ id }: { readonly id: number }, isPartial: boolean): void {
    if (isPartial) this.#write(`${id}`, [STATE.partial, id, 0, 0], HEAD);
    else this.#strike(`${id}`);
  }

  onClosed({ id }: { readonly id: number }): void {
    for (const key of [...this.#used.keys()])
      if (key === `${id}` || key.startsWith(`${id}/`)) this.#strike(key);
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(key: string, head: readonly number[], length: number): void {
    const slot = this.#free.pop() ?? this.#slots++;
    this.#used.set(key, slot);
    head.forEach((value, index) => this.#slot.writeUInt32LE(value, index * 4));
    writeSync(this.#file, this.#slot, 0, length, slot * SLOT);
  }

  #strike(key: string): void {
    const slot = this.#used.get(key);
    if (slot === undefined) return;
    this.#used.delete(key);
    this.#free.push(slot);
    this.#slot.writeUInt32LE(STATE.free, 0);
    writeSync(this.#file, this.#slot, 0, 4, slot * SLOT);
  }
}

/** What is owed on one connection. */
export interface OwedCalls {
  readonly pending: PendingCall[];
  /** Nobody can read on: a part of a request was read. */
  isCut: boolean;
}

/** What the process owed that has written the ledger at `path`, by its connections; nothing where there is no ledger. */
export function readLedger(path: string): ReadonlyMap<number, OwedCalls> {
  const owed = new Map<number, OwedCalls>();
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return owed;
    throw error;
  }
  for (let at = 0; at + HEAD <= bytes.length; at += SLOT) {
    const [state, connection = 0, streamId = 0, length = 0] = [0, 4, 8, 12].map((offset) =>
      bytes.readUInt32LE(at + offset),
    );
    if (state === STATE.free) continue;
    const calls = owed.get(connection) ?? { pending: [], isCut: false };
    owed.set(connection, calls);
    if (state === STATE.partial) calls.isCut = true;
    else {
      const end = at + HEAD + length;
      const isKept = length !== NOT_KEPT && end <= bytes.length;
      calls.pending.push({ streamId, ...(isKept ? { request: bytes.subarray(at + HEAD, end) } : {}) });
    }
  }
  return owed;
}
