/** What the publisher asks of the way to containerd. */
import type { Envelope } from "../../protos/gen/types.ts";

/** A way to containerd's event service. */
export interface EventTransport {
  /**
   * Hands over one event; resolves when containerd has it. May hand it over twice when a connection breaks at the wrong
   * moment.
   *
   * @throws {EventRefusedError} when containerd answered, but not with success; any other error means that it is away
   */
  forward(envelope: Envelope, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** containerd is there and does not take this event. */
export class EventRefusedError extends Error {
  override readonly name = "EventRefusedError";
  /** Asking again cannot change it: the event itself is at fault. */
  readonly final: boolean;

  constructor(message: string, options: { readonly final: boolean; readonly cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.final = options.final;
  }
}
