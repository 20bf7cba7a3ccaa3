/**
 * Gives memory back once things have calmed down: a pod lives for weeks, what it took to create it is garbage after seconds,
 * and neither V8 nor malloc returns pages on its own while nothing happens.
 */
import type { Clock } from "../clock.ts";

/** How long nobody may have asked anything, ms: containerd's own questions come in bursts. */
const QUIET_MS = 10_000;

/**
 * What a process must have grown by since it was trimmed last, bytes. Trimming takes some 50 ms of CPU, and code that is used
 * again is compiled again: a probe every few seconds must not pay for that each time.
 */
const GROWTH = 1024 * 1024;

export interface IdleTrimInit {
  readonly clock: Clock;
  /** Memory that the process has, bytes. */
  readonly resident: () => number;
  readonly trim: () => Promise<void>;
  /** Memory stays as it is, and is tried again after the next calls. */
  readonly onFailure: (error: unknown) => void;
}

export class IdleTrim {
  readonly #init: IdleTrimInit;
  #lastCall = 0;
  #isWatching = false;
  /** {@link IdleTrimInit.resident} after the last trimming. */
  #trimmed = 0;

  constructor(init: IdleTrimInit) {
    this.#init = init;
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
    const { clock, resident } = this.#init;
    clock.setTimeout(() => {
      const left = this.#lastCall + QUIET_MS - clock.monotonic();
      if (left > 0) {
        this.#watch(left);
        return;
      }
      this.#isWatching = false;
      if (resident() >= this.#trimmed + GROWTH) void this.#trim();
    }, ms);
  }

  async #trim(): Promise<void> {
    const { resident, trim, onFailure } = this.#init;
    try {
      await trim();
      this.#trimmed = resident();
    } catch (error) {
      onFailure(error);
    }
  }
}

/**
 * Collects all garbage, and returns the pages of both heaps to the system. Blocks for as long as two full collections take.
 *
 * @param forgetsCode drops the bytecode of all functions that are not running, too: most have run once, while a pod was
 *   created. Those that run again are compiled again
 */
export async function trimMemory({ forgetsCode }: { readonly forgetsCode: boolean }): Promise<void> {
  // Nothing else needs the module: it is not loaded before.
  const { queryObjects, setFlagsFromString } = process.getBuiltinModule("node:v8");
  if (forgetsCode) setFlagsFromString("--stress-flush-code");
  // Begins with the most thorough collection that V8 has, compaction included; `gc()` leaves heaps fragmented, and its buffers
  // are freed after it has returned.
  queryObjects(NoSuchObject, { format: "count" });
  if (forgetsCode) setFlagsFromString("--no-stress-flush-code");
  if (process.platform !== "linux") return;
  const { trimHeap } = await import("../../hcs/posix/libc.ts");
  trimHeap();
}

class NoSuchObject {}
