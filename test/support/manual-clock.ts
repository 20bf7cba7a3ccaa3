/** A clock that stands still until a test moves it. */
import { sleepOn, type Clock } from "../../shim/clock.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #elapsed = 0;
  #orders = 0;
  readonly #epoch: number;
  readonly #timers = new Set<Timer>();
  readonly #watchers = new Set<() => void>();

  /** @param epoch what {@link now} says at first: milliseconds since the epoch */
  constructor(epoch: number = Date.UTC(2025, 0, 2, 3, 4, 5)) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#epoch + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  setTimeout(callback: () => void, ms: number): () => void {
    const timer = { at: this.#elapsed + Math.max(0, ms), order: this.#orders++, callback };
    this.#timers.add(timer);
    for (const watcher of [...this.#watchers]) watcher();
    return () => void this.#timers.delete(timer);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }

  /** Timers that have not fired, as milliseconds from now, soonest first. */
  get pending(): readonly number[] {
    return this.#inOrder().map((timer) => timer.at - this.#elapsed);
  }

  /**
   * Moves time on by `ms` and fires what falls due on the way, each at its own moment. What a timer sets going in the
   * same turn of the event loop, new timers included, is part of the way.
   */
  async advance(ms: number): Promise<void> {
    const target = this.#elapsed + ms;
    await turn();
    for (;;) {
      const next = this.#inOrder()[0];
      if (next === undefined || next.at > target) break;
      this.#timers.delete(next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.callback();
      await turn();
    }
    this.#elapsed = target;
  }

  /** Resolves when a timer is (or becomes) pending, with the milliseconds until the soonest one. */
  async nextTimer(): Promise<number> {
    while (this.#timers.size === 0) {
      await new Promise<void>((resolve) => {
        const watcher = (): void => {
          this.#watchers.delete(watcher);
          resolve();
        };
        this.#watchers.add(watcher);
      });
    }
    return this.pending[0]!;
  }

  #inOrder(): Timer[] {
    return [...this.#timers].sort((a, b) => a.at - b.at || a.order - b.order);
  }
}

/** One turn of the event loop: promises settle, and what is ready on a socket is read. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
