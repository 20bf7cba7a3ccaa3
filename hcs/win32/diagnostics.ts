/** What this backend announces on a diagnostics channel: failures that no caller waits for any more. */
import { channel, type Channel } from "node:diagnostics_channel";

/** Name of the channel; its messages are {@link Win32Diagnostic}s. */
export const WIN32_DIAGNOSTICS = "runhcs:hcs.win32";

export interface Win32Diagnostic {
  readonly event: "background-failure";
  /** What failed, as a verb phrase. */
  readonly work: string;
  readonly error: unknown;
}

const win32Channel: Channel = channel(WIN32_DIAGNOSTICS);

/** Work that goes on when its caller has given up. Its failure is announced. */
export function inBackground(work: string, promise: Promise<unknown>): void {
  promise.catch((error: unknown) => {
    const diagnostic: Win32Diagnostic = { event: "background-failure", work, error };
    win32Channel.publish(diagnostic);
  });
}
