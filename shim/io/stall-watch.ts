/**
 * Watches outputs that nobody reads. While such an output is paused, the guest cannot get rid of what the process wrote,
 * and withholds its exit until it can: the host would never learn that the process is gone. So it asks, now and then.
 */
import type { Clock } from "../clock.ts";

export interface StallWatchOptions {
  readonly clock: Clock;
  /** Whether the process is still there. */
  readonly isAlive: (signal: AbortSignal) => Promise<boolean>;
  /** The process is gone. Called once, then the watch is over. */
  readonly onDead: () => void;
  /** Nothing has moved for `ms` milliseconds; called before each question. */
  readonly onStall: (ms: number) => void;
  /** The question failed; it is asked again later. */
  readonly onError: (error: unknown) => void;
}

/** Milliseconds without progress before the first question, how the pauses grow, and their limit. */
export const STALL = { firstMs: 1_000, factor: 2, maxMs: 60_000 } as const;

export class StallWatch {
  readonly #options: StallWatchOptions;
  readonly #stalled = new Set<object>();
  readonly #over = new AbortController();
  #cancel: (() => void) | undefined;
  #asking = false;
  #moved = false;
  #since = 0;

  constructor(options: StallWatchOptions) {
    this.#options = options;
  }

  /** `output` is paused. */
  stalled(output: object): void {
    if (this.#over.signal.aborted) return;
    this.#stalled.add(output);
    if (this.#cancel === undefined && !this.#asking) this.#restart();
  }

  /** A reader took something. Called for every write, so it only leaves a note. */
  moved(): void {
    this.#moved = true;
  }

  /** `output` goes on. */
  resumed(output: object): void {
    this.#stalled.delete(output);
    if (this.#stalled.size === 0) this.#disarm();
  }

  stop(): void {
    this.#stalled.clear();
    this.#disarm();
    this.#over.abort(new Error("stdio relay is over"));
  }

  #restart(): void {
    this.#since = this.#options.clock.monotonic();
    this.#moved = false;
    this.#arm(STALL.firstMs);
  }

  #arm(ms: number): void {
    this.#cancel = this.#options.clock.setTimeout(() => {
      this.#cancel = undefined;
      if (this.#moved) this.#restart();
      else void this.#ask(ms);
    }, ms);
  }

  #disarm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  async #ask(waitedMs: number): Promise<void> {
    const { clock, isAlive, onDead, onError, onStall } = this.#options;
    const { signal } = this.#over;
    this.#asking = true;
    onStall(clock.monotonic() - this.#since);
    let alive = true;
    try {
      alive = await isAlive(signal);
    } catch (error) {
      if (!signal.aborted) onError(error);
    }
    this.#asking = false;
    if (signal.aborted) return;
    if (!alive) {
      this.stop();
      onDead();
    } else if (this.#stalled.size > 0) {
      if (this.#moved) this.#restart();
      else this.#arm(Math.min(waitedMs * STALL.factor, STALL.maxMs));
    }
  }
}
