/** The machine's time, in which a deadline that was just set can be over at once. */
import { sleepOn, systemClock, type Clock } from "../../shim/clock.ts";

export class HastyClock implements Clock {
  /** Timers that are still to fire, oldest first. */
  readonly #timers = new Set<() => void>();

  now(): number {
    return systemClock.now();
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  setTimeout(callback: () => void, ms: number): () => void {
    const fire = (): void => {
      cancel();
      callback();
    };
    const stop = systemClock.setTimeout(fire, ms);
    const cancel = (): void => {
      stop();
      this.#timers.delete(fire);
    };
    this.#timers.add(fire);
    return cancel;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }

  /** Fires the timer that was set last. */
  expireNewest(): void {
    const newest = [...this.#timers].at(-1);
    if (newest === undefined) throw new Error("no timer is set");
    newest();
  }
}
