/** Time, so that tests can move it. */

/** What this folder asks of a clock. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** Calls `callback` once, `delayMs` from now (at most {@link LONGEST_TIMER_MS}). */
  setTimer(callback: () => void, delayMs: number): unknown;
  /** Takes back a timer. One that has fired is ignored. */
  clearTimer(timer: unknown): void;
}

/** The longest delay a timer of Node can have; it fires at once with a longer one. */
export const LONGEST_TIMER_MS = 0x7fff_ffff;

/** The clock of `performance.now()`. */
export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  setTimer: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** Calls back once when a moment has come, however far away it is. */
export class Alarm {
  readonly #clock: Clock;
  readonly #at: number;
  readonly #callback: () => void;
  #timer: unknown;

  /** @param at the moment, on the clock's scale */
  constructor(clock: Clock, at: number, callback: () => void) {
    this.#clock = clock;
    this.#at = at;
    this.#callback = callback;
    this.#arm();
  }

  cancel(): void {
    this.#clock.clearTimer(this.#timer);
  }

  #arm(): void {
    const remaining = Math.ceil(this.#at - this.#clock.now());
    this.#timer = this.#clock.setTimer(this.#onTimer, Math.min(Math.max(remaining, 0), LONGEST_TIMER_MS));
  }

  // Timers are cut to whole milliseconds and to a longest delay: the moment may not have come yet.
  readonly #onTimer = (): void => {
    if (this.#clock.now() < this.#at) this.#arm();
    else this.#callback();
  };
}
