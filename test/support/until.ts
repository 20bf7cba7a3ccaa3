/** Waiting for a condition with a limit. Nothing here or in a test sleeps and hopes. */

const DEFAULT_TIMEOUT_MS = 15_000;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 100;

export interface UntilOptions {
  /** Give up after this long. 15 seconds unless said otherwise. */
  readonly timeoutMs?: number;
  /** Called for the error's text when the limit is reached. */
  readonly state?: () => string;
  readonly signal?: AbortSignal;
}

/**
 * Asks `condition` again and again, at widening intervals, until it gives something other than undefined or false.
 *
 * @param what what is waited for, for the error: `containerd to answer`
 * @returns what the condition gave
 * @throws when the limit is reached, with the last error of the condition as the cause. A condition that throws counts
 *   as not yet fulfilled
 *
 * @example
 * await until("the pod to be ready", async () => (await pod.status()).state === "ready");
 */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  options: UntilOptions = {},
): Promise<T> {
  const limit = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const deadline = performance.now() + limit;
  let failure: unknown;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
    options.signal?.throwIfAborted();
    try {
      const value = await condition();
      if (value !== undefined && value !== false) return value;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) {
      const state = options.state === undefined ? "" : `: ${options.state()}`;
      const reason = failure instanceof Error ? `: ${failure.message}` : "";
      throw new Error(`cannot wait for ${what}: not so after ${limit} ms${state}${reason}`, {
        cause: failure,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
