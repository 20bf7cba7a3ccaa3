/** What the guest connection announced while a test ran. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { GUEST_DIAGNOSTICS, type GuestDiagnostic } from "../../../../hcs/guest/diagnostics.ts";

export interface Diagnostics extends Disposable {
  readonly seen: readonly GuestDiagnostic[];
  /** Resolves with the first announcement, past or future, that `accepts` is true for. */
  next<Found extends GuestDiagnostic>(
    accepts: (diagnostic: GuestDiagnostic) => diagnostic is Found,
  ): Promise<Found>;
}

export function collectDiagnostics(): Diagnostics {
  const seen: GuestDiagnostic[] = [];
  const listeners = new Set<() => void>();
  const listen = (message: unknown) => {
    seen.push(message as GuestDiagnostic);
    for (const notify of listeners) notify();
  };
  subscribe(GUEST_DIAGNOSTICS, listen);
  return {
    seen,
    next: (accepts) =>
      new Promise((resolve) => {
        const look = () => {
          const found = seen.find(accepts);
          if (found === undefined) return;
          listeners.delete(look);
          resolve(found);
        };
        listeners.add(look);
        look();
      }),
    [Symbol.dispose]: () => void unsubscribe(GUEST_DIAGNOSTICS, listen),
  };
}

type Event<Name extends GuestDiagnostic["event"]> = Extract<GuestDiagnostic, { event: Name }>;

export function isIgnoredFrame(diagnostic: GuestDiagnostic): diagnostic is Event<"ignored-frame"> {
  return diagnostic.event === "ignored-frame";
}

export function isBackgroundFailure(diagnostic: GuestDiagnostic): diagnostic is Event<"background-failure"> {
  return diagnostic.event === "background-failure";
}
