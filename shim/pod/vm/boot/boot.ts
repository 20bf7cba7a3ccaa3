/** How a guest comes up and is met: what differs between Linux and Windows guests. */
import type { Duplex } from "node:stream";
import type { Listen } from "../../../../hcs/guest/accept.ts";
import type { GuestConnection } from "../../../../hcs/guest/connection.ts";
import type { GuestLogHandlers } from "../../../../hcs/guest/log-channel.ts";
import type { GuestOs } from "../../../../hcs/guest/stdio.ts";
import type { TimeZoneInformation } from "../../../../hcs/schema/time-zone.ts";

export interface GuestBoot {
  readonly os: GuestOs;
  /** What a guest that asks for it is created with. */
  readonly timeZone?: TimeZoneInformation;
  /** Opens everything that the guest will dial, before it boots. On failure nothing stays open. */
  prepare(vm: BootingVm, signal: AbortSignal): Promise<PreparedBoot>;
}

/** The VM, as far as its boot needs it. */
export interface BootingVm {
  readonly id: string;
  /** The GUID its Hyper-V sockets are addressed by. */
  readonly runtimeId: string;
  readonly listen: Listen;
  readonly guestLog: GuestLogHandlers;
  report(message: string, error: unknown): void;
}

export interface PreparedBoot {
  /**
   * Waits for the guest, which is booting, to have dialled all that it must. On failure everything is closed.
   *
   * @returns the stream of the guest connection
   */
  accept(signal: AbortSignal): Promise<Duplex>;
  /** The first requests to a guest that has negotiated. */
  greet(guest: GuestConnection, signal: AbortSignal): Promise<void>;
  /** The VM has ended, or never came up: closes what is open still. Idempotent. */
  close(): Promise<void>;
}
