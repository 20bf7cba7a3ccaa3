/** Ctrl-C: the first time work stops at its next step and is taken back, the second time the program ends at once. */
import type { Reporter } from "../terminal/reporter.ts";

/** What the user asked for by Ctrl-C. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";

  constructor() {
    super("interrupted: cleaning up");
  }
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Runs `work` with a reporter whose steps do not begin any more once the user has interrupted. The step that is under
 * way is waited for: half of it would be harder to take back than the whole.
 *
 * @throws {Interrupted} when the user did
 */
export async function interruptible(
  reporter: Reporter,
  work: (reporter: Reporter) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Interrupted());
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    await work(stepwise(reporter, controller.signal));
  } catch (error) {
    // What fails after an interruption may fail because of it: programs in the foreground get the signal as well.
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    for (const signal of SIGNALS) process.removeListener(signal, stop);
  }
}

function stepwise(reporter: Reporter, signal: AbortSignal): Reporter {
  return {
    ...reporter,
    heading(text) {
      signal.throwIfAborted();
      reporter.heading(text);
    },
    async step(title, work) {
      signal.throwIfAborted();
      const result = await reporter.step(title, work);
      signal.throwIfAborted();
      return result;
    },
  };
}
