/**
 * Publishes events to containerd, in the order they happen, without anybody having to wait for it.
 *
 * One queue, one worker: an event is sent when the one before it has arrived or was given up. While containerd is away
 * the first event is tried again and again, as long as it takes, and the others wait behind it. The queue is bounded:
 * what is too much pushes out the oldest event that does not tell how something ended.
 */
import { packAny } from "../../protos/any.ts";
import type { Envelope } from "../../protos/gen/types.ts";
import { timestampFromDate } from "../../protos/timestamp.ts";
import type { MessageType } from "../../protos/types.ts";
import { abortable, startDeadline, type Clock } from "../clock.ts";
import { EventRefusedError, type EventTransport } from "./delivery.ts";
import { reportPublisher, type PublisherEvent } from "./diagnostics.ts";
import { LASTING_TOPICS, TOPICS } from "./topics.ts";

export interface PublisherOptions {
  readonly clock: Clock;
  /** Namespace of the shim, and so of all its events. */
  readonly namespace: string;
  /** Owned by the publisher from here on. */
  readonly transport: EventTransport;
  readonly limits?: Partial<PublisherLimits>;
}

export interface PublisherLimits {
  /** Events that wait. */
  readonly capacity: number;
  /** One attempt to hand over an event, in milliseconds, connecting included. */
  readonly attemptMs: number;
  /** Pause after the first failed attempt, how pauses grow, and their limit. */
  readonly retry: { readonly firstMs: number; readonly factor: number; readonly maxMs: number };
  /** Attempts after which an event that containerd answers with an error is given up. */
  readonly refusals: number;
}

export const PUBLISHER_LIMITS: PublisherLimits = {
  capacity: 2048,
  attemptMs: 5_000,
  retry: { firstMs: 100, factor: 2, maxMs: 5_000 },
  refusals: 10,
};

/** An event, and who wants to know that it has arrived. */
interface Queued {
  readonly envelope: Envelope;
  readonly onDelivered: (() => void) | undefined;
}

export class EventPublisher {
  readonly #options: PublisherOptions;
  readonly #limits: PublisherLimits;
  /** The first is the one under way while {@link #busy}. */
  readonly #queue: Queued[] = [];
  readonly #over = new AbortController();
  #working: Promise<void> | undefined;
  #busy = false;
  #delayed = false;
  /** Callers that wait for the queue to empty, and would rather have failures than pauses. */
  #flushes = 0;
  /** Ends the pause before the next attempt. */
  #hurry: (() => void) | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#limits = { ...PUBLISHER_LIMITS, ...options.limits };
  }

  /** Events that have not been delivered. */
  get queued(): number {
    return this.#queue.length;
  }

  /**
   * Takes an event; returns at once. Its time is now.
   *
   * @param onDelivered called when containerd has it, or has refused it for good
   * @throws {TypeError} when the message is no event of a task
   */
  publish<T>(type: MessageType<T>, message: Partial<T>, onDelivered?: () => void): void {
    const topic = TOPICS.get(type.typeName);
    if (topic === undefined) throw new TypeError(`cannot publish "${type.typeName}": it has no topic`);
    if (this.#over.signal.aborted) return;
    const envelope = {
      timestamp: timestampFromDate(new Date(this.#options.clock.now())),
      namespace: this.#options.namespace,
      topic,
      // Encoded now: what the caller does to the message later is not part of the event.
      event: packAny(type, message),
    };
    this.#queue.push({ envelope, onDelivered });
    if (this.#queue.length > this.#limits.capacity) this.#makeRoom();
    this.#working ??= this.#work();
  }

  /**
   * Waits until everything has been delivered, or `signal` fires. An event that is waiting to be tried again is tried
   * at once, and then without longer and longer pauses.
   *
   * @returns how many events are left
   */
  async flush(signal: AbortSignal): Promise<number> {
    this.#flushes += 1;
    this.#hurry?.();
    while (this.#working !== undefined && !signal.aborted) {
      await abortable(this.#working, signal).catch(() => undefined);
    }
    this.#flushes -= 1;
    const left = this.#queue.length;
    if (left > 0) this.#report("undelivered", { topic: this.#queue[0]?.envelope.topic ?? "" });
    return left;
  }

  /** Gives up what is left and closes the transport. Idempotent. */
  async close(): Promise<void> {
    this.#over.abort(new Error("event publisher is closed"));
    await this.#working;
    await this.#options.transport.close();
  }

  async #work(): Promise<void> {
    const { signal } = this.#over;
    for (let head = this.#queue[0]; head !== undefined && !signal.aborted; head = this.#queue[0]) {
      this.#busy = true;
      const delivered = await this.#deliver(head.envelope);
      this.#busy = false;
      if (!delivered) continue;
      this.#queue.shift();
      head.onDelivered?.();
    }
    this.#working = undefined;
    if (this.#delayed && this.#queue.length === 0) {
      this.#delayed = false;
      this.#report("caught-up");
    }
  }

  /** @returns whether the event is off the queue's hands: delivered, or refused for good. Not so only at the end. */
  async #deliver(envelope: Envelope): Promise<boolean> {
    const { retry, refusals } = this.#limits;
    let refused = 0;
    for (let pauseMs = retry.firstMs; ; pauseMs = Math.min(pauseMs * retry.factor, retry.maxMs)) {
      try {
        await this.#attempt(envelope);
        return true;
      } catch (error) {
        if (this.#over.signal.aborted) return false;
        if (error instanceof EventRefusedError) {
          refused += 1;
          if (error.final || refused >= refusals) {
            this.#report("refused", { topic: envelope.topic, error });
            return true;
          }
        } else if (!this.#delayed) {
          this.#delayed = true;
          this.#report("delayed", { topic: envelope.topic, error });
        }
      }
      await this.#pause(this.#flushes > 0 ? retry.firstMs : pauseMs);
      if (this.#over.signal.aborted) return false;
    }
  }

  async #attempt(envelope: Envelope): Promise<void> {
    const { clock, transport } = this.#options;
    const what = `cannot publish "${envelope.topic}"`;
    using deadline = startDeadline(clock, this.#limits.attemptMs, what, this.#over.signal);
    // Not left to the transport alone: one that does not listen to its signal must not stop the queue.
    await abortable(transport.forward(envelope, deadline.signal), deadline.signal);
  }

  /** Ends early when the publisher is flushed or closed. */
  async #pause(ms: number): Promise<void> {
    const hurry = new AbortController();
    const end = (): void => hurry.abort();
    this.#hurry = end;
    this.#over.signal.addEventListener("abort", end, { once: true });
    await this.#options.clock.sleep(ms, hurry.signal).catch(() => undefined);
    this.#over.signal.removeEventListener("abort", end);
    this.#hurry = undefined;
  }

  #makeRoom(): void {
    // The one under way is not for dropping: it may have arrived already.
    const first = this.#busy ? 1 : 0;
    const expendable = this.#queue.findIndex(
      ({ envelope: { topic } }, index) => index >= first && !LASTING_TOPICS.has(topic),
    );
    const [dropped] = this.#queue.splice(expendable < 0 ? first : expendable, 1);
    if (dropped !== undefined) this.#report("overflow", { topic: dropped.envelope.topic });
  }

  #report(event: PublisherEvent["event"], more: Pick<PublisherEvent, "topic" | "error"> = {}): void {
    reportPublisher({ event, namespace: this.#options.namespace, queued: this.#queue.length, ...more });
  }
}
