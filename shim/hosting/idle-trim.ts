/**
 * Gives memory back once things have calmed down: a pod lives for weeks, what it took to create it is garbage after seconds,
 * and neither V8 nor malloc returns pages on its own while nothing happens.
 */
import type { Clock } from "../clock.ts";

/** How long nobody may have asked anything, ms: containerd's own questions come in bursts. */
const QUIET_MS = 10_000;

export class IdleTrim {
  readonly #clock: Clock;
  readonly #trim: () => void;
  #lastCall = 0;
  #isWatching = false;

  constructor(clock: Clock, trim: () => void) {
    this.#clock = clock;
    this.#trim = trim;
  }

  /**
   * Somebody has asked for something. Costs next to nothing: one timer for any number of calls.
   *
   * @param now when, on the clock's monotonic scale, ms
   */
  touch(now: number): void {
    this.#lastCall = now;
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#watch(QUIET_MS);
  }

  #watch(ms: number): void {
    this.#clock.setTimeout(() => {
      const left = this.#lastCall + QUIET_MS - this.#clock.monotonic();
      if (left > 0) {
        this.#watch(left);
        return;
      }
      this.#isWatching = false;
      this.#trim();
    }, ms);
  }
}

/** Collects garbage, where the process was started with `--expose-gc`, and returns free pages of malloc to the system. */
export async function trimMemory(): Promise<void> {
  await globalThis.gc?.({ type: "major", execution: "async" });
  if (process.platform !== "linux") return;
  const { trimHeap } = await import("../../hcs/posix/libc.ts");
  trimHeap();
}
