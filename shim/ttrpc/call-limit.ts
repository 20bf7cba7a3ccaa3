/** When a client stops waiting for one of its calls: at a deadline, or when its caller says so. */
import { Alarm } from "./clock.ts";
import type { Clock } from "./clock.ts";
import type { MetadataInit } from "./metadata.ts";
import { Code, RpcError, codeOf } from "./status.ts";

/** How a call is made. */
export interface CallOptions {
  /** Gives the call up. The server is not told: the protocol has no message for it. */
  readonly signal?: AbortSignal;
  /** How long to wait, queueing included, in milliseconds. The server is told what is left of it. */
  readonly timeoutMs?: number;
  readonly metadata?: MetadataInit;
}

/** Makes the error of a call that failed. Made where the caller waits, so that its stack is the caller's. */
export type Failure = () => RpcError;

/** Watches the deadline and the signal of one call. */
export class CallLimit {
  readonly #clock: Clock;
  readonly #deadline: number | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #alarm: Alarm | undefined;
  readonly #onAbort: () => void;

  /** @param giveUp called at most once, not from within the constructor */
  constructor(name: string, options: CallOptions, clock: Clock, giveUp: (failure: Failure) => void) {
    this.#clock = clock;
    const { signal, timeoutMs } = options;
    this.#signal = signal;
    this.#onAbort = () => {
      this.#alarm?.cancel();
      giveUp(abortFailure(name, signal?.reason));
    };
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (timeoutMs === undefined || timeoutMs === Infinity) return;
    this.#deadline = clock.monotonic() + timeoutMs;
    this.#alarm = new Alarm(clock, this.#deadline, () => {
      signal?.removeEventListener("abort", this.#onAbort);
      giveUp(deadlineFailure(name, timeoutMs));
    });
  }

  /** What is left, in nanoseconds, as a request carries it: 0 for no deadline. */
  remainingNano(): bigint {
    if (this.#deadline === undefined) return 0n;
    // Zero would mean that there is no deadline, a negative number that it was over when the call was sent.
    return BigInt(Math.max(1, Math.ceil((this.#deadline - this.#clock.monotonic()) * 1e6)));
  }

  /** The call is over. */
  release(): void {
    this.#alarm?.cancel();
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}

/**
 * Why a call need not even be begun.
 *
 * @throws {RangeError} when the timeout is no number
 */
export function refusal(name: string, options: CallOptions): Failure | undefined {
  const { signal, timeoutMs } = options;
  if (signal?.aborted === true) return abortFailure(name, signal.reason);
  if (timeoutMs === undefined || timeoutMs > 0) return undefined;
  if (Number.isNaN(timeoutMs)) throw new RangeError(`cannot call "${name}": timeout is not a number`);
  return deadlineFailure(name, timeoutMs);
}

function abortFailure(name: string, reason: unknown): Failure {
  // A signal may carry a deadline too: AbortSignal.timeout() does.
  const code = codeOf(reason) === Code.DeadlineExceeded ? Code.DeadlineExceeded : Code.Canceled;
  const text = reason instanceof Error ? reason.message : String(reason);
  return () => new RpcError(code, `cannot call "${name}": ${text}`, { cause: reason });
}

function deadlineFailure(name: string, timeoutMs: number): Failure {
  return () => new RpcError(Code.DeadlineExceeded, `cannot call "${name}": no answer within ${timeoutMs} ms`);
}
