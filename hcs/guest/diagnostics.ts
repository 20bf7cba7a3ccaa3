/**
 * What the guest connection announces on a diagnostics channel. It knows no logger; whoever wants to see
 * calls, oddities of the guest and failures of background work subscribes.
 */
import { channel, type Channel } from "node:diagnostics_channel";
import type { MessageName } from "./protocol.ts";

/** Name of the channel; its messages are {@link GuestDiagnostic}s. */
export const GUEST_DIAGNOSTICS = "runhcs:hcs.guest";

/** `guest` is the name the connection was opened with. */
export type GuestDiagnostic = { readonly guest: string } & (
  | {
      /** A call was answered, or given up by its caller. */
      readonly event: "call";
      readonly message: MessageName;
      readonly containerId: string;
      readonly durationMs: number;
      /** HRESULT, unsigned; `undefined` when there was no answer. */
      readonly hresult: number | undefined;
    }
  | {
      /** A frame that means nothing here was ignored: an answer that came too late, an unknown notification. */
      readonly event: "ignored-frame";
      readonly frame: string;
      readonly id: bigint;
      readonly why: "late response" | "unknown id" | "unknown type" | "unknown container";
    }
  | {
      /** Work that nobody waits for has failed. */
      readonly event: "background-failure";
      readonly work: string;
      readonly error: unknown;
    }
);

const guestChannel: Channel = channel(GUEST_DIAGNOSTICS);

export function report(diagnostic: GuestDiagnostic): void {
  if (guestChannel.hasSubscribers) guestChannel.publish(diagnostic);
}
