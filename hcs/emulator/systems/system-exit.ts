/** Exits of compute systems, with the status HCS reports for each kind. */
import type { SystemExit, SystemExitType } from "../../api.ts";
import { HRESULT } from "../../hresult-table.ts";

const STATUS: Readonly<Record<Exclude<SystemExitType, "ServiceDisconnected">, number>> = {
  GracefulExit: 0,
  ForcedExit: HRESULT.terminated,
  UnexpectedExit: HRESULT.unexpectedExit,
};

/** `reason` is a sentence for people. */
export function systemExit(exitType: keyof typeof STATUS, reason: string | undefined): SystemExit {
  return { status: STATUS[exitType], exitType, ...(reason === undefined ? {} : { reason }) };
}

/** The exit of a system that somebody ended. */
export function terminatedExit(reason: string): SystemExit {
  return systemExit("ForcedExit", reason);
}
