/** Time that passes as soon as nothing else happens. */
import { sleepOn, type Clock } from "../../../shim/clock.ts";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** Turns of the event loop without anything having happened, after which nothing more will. */
const QUIET_TURNS = 12;

export class VirtualClock implements Clock {
  readonly #epoch = Date.UTC(2024, 0, 2, 3, 4, 5);
  readonly #timers = new Set<Timer>();
  #elapsed = 0;

  now(): number {
    return this.#epoch + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  setTimeout(callback: () => void, ms: number): () => void {
    const timer = { at: this.#elapsed + Math.max(0, ms), callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }

  /**
   * Lets everything happen that can happen within `ms` milliseconds.
   *
   * @param activity a number that changes whenever something happens
   * @param isDone stops as soon as this is true
   * @returns false when time ran out first, or nothing will ever happen again
   */
  async run(ms: number, activity: () => number, isDone: () => boolean = () => false): Promise<boolean> {
    const end = this.#elapsed + ms;
    for (;;) {
      await this.#quiet(activity, isDone);
      if (isDone()) return true;
      const next = this.#soonest();
      if (next === undefined || next.at > end) {
        this.#elapsed = end;
        return false;
      }
      this.#timers.delete(next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.callback();
    }
  }

  async #quiet(activity: () => number, isDone: () => boolean): Promise<void> {
    let seen = activity();
    for (let turns = 0; turns < QUIET_TURNS && !isDone(); turns++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      const now = activity();
      if (now !== seen) turns = 0;
      seen = now;
    }
  }

  #soonest(): Timer | undefined {
    let soonest: Timer | undefined;
    for (const timer of this.#timers) if (soonest === undefined || timer.at < soonest.at) soonest = timer;
    return soonest;
  }
}
