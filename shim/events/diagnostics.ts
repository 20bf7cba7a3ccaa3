/** What the publisher has to report goes out on a diagnostics channel; the log is one of its listeners. */
import { channel, type Channel } from "node:diagnostics_channel";

/**
 * - `delayed`: containerd cannot be reached; events queue up. Once for each outage.
 * - `caught-up`: after an outage, all that had queued up is delivered.
 * - `refused`: containerd does not take an event, which is dropped.
 * - `overflow`: the queue is full, an event is dropped.
 * - `undelivered`: the shim ends with events in the queue.
 */
export type PublisherEventName = "delayed" | "caught-up" | "refused" | "overflow" | "undelivered";

export interface PublisherEvent {
  readonly event: PublisherEventName;
  readonly namespace: string;
  /** Topic of the event that was dropped, or that could not be delivered. */
  readonly topic?: string;
  readonly error?: unknown;
  /** Events in the queue. */
  readonly queued: number;
}

/** Name of the channel: messages are {@link PublisherEvent}s. */
export const EVENTS_CHANNEL = "runhcs:events";

const events: Channel = channel(EVENTS_CHANNEL);

export function reportPublisher(event: PublisherEvent): void {
  if (events.hasSubscribers) events.publish(event);
}
