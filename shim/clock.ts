/**
 * Time, as something that is handed in. Nothing in the shim asks the runtime for the hour or sets a timer of its own,
 * so a test moves a whole minute of back-off in one step.
 */
export interface Clock {
  /** Wall clock: milliseconds since the epoch. For what people and containerd read. */
  now(): number;
  /** Milliseconds since some fixed moment, never going back. For durations and limits. */
  monotonic(): number;
  /**
   * Calls `callback` once, in `ms` milliseconds.
   *
   * @returns a function that calls it off; calling that late or twice is harmless
   */
  setTimeout(callback: () => void, ms: number): () => void;
  /** Resolves in `ms` milliseconds, or rejects with the reason of `signal`. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (callback, ms) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  sleep: (ms, signal) => sleepOn(systemClock, ms, signal),
};

/** {@link Clock.sleep} in terms of {@link Clock.setTimeout}, for whoever implements a clock. */
export function sleepOn(clock: Pick<Clock, "setTimeout">, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(reasonOf(signal));
      return;
    }
    const onAbort = (): void => {
      cancel();
      if (signal !== undefined) reject(reasonOf(signal));
    };
    const cancel = clock.setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** A part of a budget: a signal that fires when it is used up, or when the budget above it is. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * Starts a deadline of `ms` milliseconds below `parent`. Dispose of it when the work is done: it holds a timer and a
 * listener on `parent`.
 *
 * @param reason what ran out, in words: it becomes the message of the {@link DeadlineError}
 */
export function startDeadline(clock: Clock, ms: number, reason: string, parent?: AbortSignal): Deadline {
  const controller = new AbortController();
  const onParent = (): void => {
    cancel();
    controller.abort(parent?.reason);
  };
  const cancel = clock.setTimeout(() => {
    parent?.removeEventListener("abort", onParent);
    controller.abort(new DeadlineError(reason, ms));
  }, ms);
  if (parent?.aborted === true) onParent();
  else parent?.addEventListener("abort", onParent, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      cancel();
      parent?.removeEventListener("abort", onParent);
    },
  };
}

/** A limit of time that ran out. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
  /** The limit, in milliseconds. */
  readonly limitMs: number;

  constructor(what: string, limitMs: number) {
    super(`${what}: timed out after ${limitMs} ms`);
    this.limitMs = limitMs;
  }
}

/**
 * Waits for `promise` no longer than `signal` allows. The promise itself goes on; should it reject after the signal
 * fired, nobody hears of it.
 *
 * @throws the reason of `signal`
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(reasonOf(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** The reason of a fired signal as an error. `abort("text")` is legal and must not end as a thrown string. */
export function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error(String(reason));
}
