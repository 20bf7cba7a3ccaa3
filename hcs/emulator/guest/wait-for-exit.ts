/** Waiting for the exit of a process, as long as the host said. */
import { WAIT_FOREVER } from "../../guest/protocol.ts";
import { GuestError, RESULT } from "./errors.ts";

/** Longest time a Node timer can run, ms: 24.8 days. Longer waits are cut to it. */
const LONGEST_TIMER_MS = 0x7fff_ffff;

/** Settles as `finished` does, or rejects with the timeout result after `timeoutMs` (`WAIT_FOREVER`: never). */
export async function waitForExit(
  finished: Promise<number>,
  timeoutMs: number,
  subject: string,
): Promise<number> {
  if (timeoutMs === WAIT_FOREVER) return finished;
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new GuestError(RESULT.timeout, `${subject} did not exit within ${timeoutMs} ms`)),
      Math.min(timeoutMs, LONGEST_TIMER_MS),
    );
  });
  try {
    return await Promise.race([finished, expired]);
  } finally {
    clearTimeout(timer);
  }
}
