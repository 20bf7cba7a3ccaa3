/** Waiting: for a condition with a limit, never for a time. */
import { setTimeout as delay } from "node:timers/promises";

export interface WaitOptions {
  /** What is waited for, as it reads after "until": `worker 812 is gone`. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
  /** Gives up after so many milliseconds. Without it only `signal` ends the wait. */
  readonly limitMs?: number;
}

/**
 * Kernel objects (a cgroup, a mount, a process that was killed) go away soon after their last user does, but not at
 * once, and nothing announces it. This bounds how long a release waits for that.
 */
export const RELEASE_LIMIT_MS = 10_000;

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 20;

/**
 * Asks `condition` until it answers something other than `undefined` or `false`, and returns that.
 *
 * @throws the signal's reason, or an error naming `what` when the limit has passed
 */
export async function until<T>(
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  options: WaitOptions,
): Promise<T> {
  const start = performance.now();
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    options.signal?.throwIfAborted();
    const answer = await condition();
    if (answer !== undefined && answer !== false) return answer;
    if (options.limitMs !== undefined && performance.now() - start > options.limitMs) {
      throw new Error(`waited ${options.limitMs} ms in vain until ${options.what}`);
    }
    await delay(pause, undefined, { signal: options.signal }).catch((error: unknown) => {
      options.signal?.throwIfAborted();
      throw error;
    });
  }
}
