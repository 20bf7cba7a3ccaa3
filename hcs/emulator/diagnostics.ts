/** What the emulator announces on a diagnostics channel: what it could do without. */
import { channel, type Channel } from "node:diagnostics_channel";

/** Name of the channel; its messages are {@link EmulatorDiagnostic}s. */
export const EMULATOR_DIAGNOSTICS = "runhcs:hcs.emulator";

export interface EmulatorDiagnostic {
  /** A worker that was booted ahead could not be booted, or could not become that of a system. One is booted as ever. */
  readonly event: "spare-not-booted" | "spare-not-used";
  /** The system that was to have it. */
  readonly id?: string;
  readonly error: unknown;
}

const emulatorChannel: Channel = channel(EMULATOR_DIAGNOSTICS);

export function announce(diagnostic: EmulatorDiagnostic): void {
  if (emulatorChannel.hasSubscribers) emulatorChannel.publish(diagnostic);
}
