/** What stdio has to report goes out on a diagnostics channel; the log is one of its listeners. */
import { channel, type Channel } from "node:diagnostics_channel";
import type { StdioField } from "./errors.ts";

/** Whose stdio it is. */
export interface StdioSubject {
  readonly namespace: string;
  readonly containerId: string;
  readonly execId?: string;
}

/**
 * Things people want to know although the task goes on:
 * - `upstream-lost`: the client's end failed, the rest of this output is thrown away;
 * - `process-side-lost`: the stream to the process broke before its end of file;
 * - `output-discarded`: a killed process left more than is kept for a reader that does not read;
 * - `reader-stalled`: the reader has not taken anything for a while, the process may be waiting for it;
 * - `probe-failed`: asking whether a stalled process lives failed;
 * - `stdin-lost`: input could not be delivered or closed;
 * - `logger-ended`: a logging program ended before it was told to.
 */
export type StdioEventName =
  | "upstream-lost"
  | "process-side-lost"
  | "output-discarded"
  | "reader-stalled"
  | "probe-failed"
  | "stdin-lost"
  | "logger-ended";

export interface StdioEvent extends StdioSubject {
  readonly event: StdioEventName;
  readonly stream?: StdioField;
  readonly error?: unknown;
  /** Bytes thrown away, where that is what happened. */
  readonly bytes?: number;
  /** Milliseconds without progress, where that is what happened. */
  readonly ms?: number;
}

/** Name of the channel: messages are {@link StdioEvent}s. */
export const STDIO_CHANNEL = "runhcs:stdio";

const events: Channel = channel(STDIO_CHANNEL);

export function reportStdio(event: StdioEvent): void {
  if (events.hasSubscribers) events.publish(event);
}
