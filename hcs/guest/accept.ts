/** The host listens, the guest dials: how every stream between them comes about. */
import type { Duplex } from "node:stream";
import type { CallOptions, HvSocketListener } from "../api.ts";
import { report } from "./diagnostics.ts";

/** Opens a listener for a service of one VM: `HvSocket.listen` with the VM already chosen. */
export type Listen = (serviceId: string, options?: CallOptions) => Promise<HvSocketListener>;

export interface AcceptOptions extends CallOptions {
  /** The VM's name for diagnostics. */
  readonly guest: string;
}

/** Accepts the one connection that `listener` is for and closes the listener, also when none came. */
export async function acceptOne(listener: HvSocketListener, options: AcceptOptions): Promise<Duplex> {
  let stream: Duplex;
  try {
    stream = await listener.accept(options);
  } catch (error) {
    await closeListener(listener, options.guest);
    throw error;
  }
  // Not awaited: a socket server may call itself closed only when its last connection has ended.
  void closeListener(listener, options.guest);
  return stream;
}

/**
 * Closes a listener and never rejects: one that cannot be closed costs a socket, not the process or pod it
 * was for, so the failure is announced and the caller goes on.
 */
export async function closeListener(listener: HvSocketListener, guest: string): Promise<void> {
  try {
    await listener.close();
  } catch (error) {
    report({ guest, event: "background-failure", work: "closing a listener", error });
  }
}
