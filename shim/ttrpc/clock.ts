/** Time, so that tests can move it. */

/** What this folder asks of a clock. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  monotonic(): number;
  /**
   * Calls `callback` once, in `ms` milliseconds (at most {@link LONGEST_TIMER_MS}).
   *
   * @returns a function that calls it off; calling that late or twice is harmless
   */
  setTimeout(callback: () => void, ms: number): () => void;
}

/** The longest delay a timer of Node can have; it fires at once with a longer one. */
export const LONGEST_TIMER_MS = 0x7fff_ffff;

/** The clock of `performance.now()`. */
export const SYSTEM_CLOCK: Clock = {
  monotonic: () => performance.now(),
  setTimeout: (callback, ms) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** Calls back once when a moment has come, however far away it is. */
export class Alarm {
  readonly #clock: Clock;
  readonly #at: number;
  readonly #callback: () => void;
  #cancelTimer: () => void;

  /** @param at the moment, on the clock's scale */
  constructor(clock: Clock, at: number, callback: () => void) {
    this.#clock = clock;
    this.#at = at;
    this.#callback = callback;
    this.#cancelTimer = this.#arm();
  }

  cancel(): void {
    this.#cancelTimer();
  }

  #arm(): () => void {
    const remaining = Math.max(0, Math.ceil(this.#at - this.#clock.monotonic()));
    return this.#clock.setTimeout(
      () => {
        // Timers are cut to whole milliseconds and to a longest delay: the moment may not have come yet.
        if (this.#clock.monotonic() < this.#at) this.#cancelTimer = this.#arm();
        else this.#callback();
      },
      Math.min(remaining, LONGEST_TIMER_MS),
    );
  }
}
