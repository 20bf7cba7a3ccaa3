/**
 * What connections and calls are doing, for whoever wants to know: published on a diagnostics channel, so that nothing
 * here needs a logger. Nothing is published, nor even put together, while nobody listens.
 */
import { channel } from "node:diagnostics_channel";

/** Name of the channel; its messages are {@link Diagnostic}s of every kind but `call-finished`. */
export const DIAGNOSTICS_CHANNEL = "containerd-shim-runhcs:ttrpc";

/**
 * Name of the channel for `call-finished`. A channel of its own, because to time and describe every call costs about as much as to
 * serve it: who wants to hear of what goes wrong must not pay for that.
 */
export const CALLS_CHANNEL = "containerd-shim-runhcs:ttrpc-calls";

/** Which call something is about. */
export interface CallIdentity {
  readonly connectionId: number;
  readonly streamId: number;
  readonly service: string;
  readonly method: string;
}

export type Diagnostic =
  | { readonly kind: "connection-opened"; readonly side: Side; readonly connectionId: number }
  | {
      readonly kind: "connection-closed";
      readonly side: Side;
      readonly connectionId: number;
      /** Calls that were under way. */
      readonly inFlight: number;
      /** Why, unless one side simply closed it. */
      readonly cause: Error | undefined;
    }
  | ({
      /** A call of this server has been answered, or has ended when nobody could be answered any more. */
      readonly kind: "call-finished";
      readonly side: "server";
      readonly code: number;
      readonly durationMs: number;
      /** Whether the connection was still there to take the answer. */
      readonly delivered: boolean;
      /** What the handler failed with. */
      readonly error: unknown;
    } & CallIdentity)
  | {
      /** A frame that broke the protocol or came too late, and what was done about it. */
      readonly kind: "frame-refused" | "frame-ignored";
      readonly side: Side;
      readonly connectionId: number;
      readonly streamId: number;
      readonly type: number;
      readonly reason: string;
    }
  | {
      /** A server stopped or resumed reading from a peer that does not keep up. */
      readonly kind: "reading-paused" | "reading-resumed";
      readonly side: "server";
      readonly connectionId: number;
      readonly queuedBytes: number;
    }
  | { readonly kind: "accept-failed"; readonly side: "server"; readonly error: Error };

export type Side = "server" | "client";

const diagnostics = channel(DIAGNOSTICS_CHANNEL);
const calls = channel(CALLS_CHANNEL);

let lastConnectionId = 0;

/** A number for a connection, unique in this process. */
export function nextConnectionId(): number {
  return ++lastConnectionId;
}

/** Publishes on the channels and to one listener. */
export class Reporter {
  readonly #listener: ((diagnostic: Diagnostic) => void) | undefined;

  constructor(listener: ((diagnostic: Diagnostic) => void) | undefined) {
    this.#listener = listener;
  }

  /** Whether anybody listens: ask before putting a diagnostic together. */
  get active(): boolean {
    return this.#listener !== undefined || diagnostics.hasSubscribers;
  }

  /** Whether anybody wants to hear of calls. */
  get followsCalls(): boolean {
    return this.#listener !== undefined || calls.hasSubscribers;
  }

  report(diagnostic: Diagnostic): void {
    const channel = diagnostic.kind === "call-finished" ? calls : diagnostics;
    if (channel.hasSubscribers) channel.publish(diagnostic);
    this.#listener?.(diagnostic);
  }
}
