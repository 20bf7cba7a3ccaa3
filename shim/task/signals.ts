/**
 * Which signals a guest understands and what becomes of them there. Data: a number in a Kill request → what is done.
 */
import type { ProcessSignal } from "../../hcs/api.ts";
import { ShimError } from "../errors.ts";

/** `none`: there is no process to send a signal to. */
export type GuestOs = "linux" | "windows" | "none";

/** What a Kill does to a process: send a signal, or end it without asking. */
export type KillAction = { readonly signal: ProcessSignal } | "terminate";

export const SIGKILL = 9;
export const SIGTERM = 15;

/** Console events of Windows by the number a client sends; SIGTERM asks as `docker stop` does. */
const WINDOWS_SIGNALS: ReadonlyMap<number, KillAction> = new Map<number, KillAction>([
  [0, { signal: "CtrlC" }],
  [1, { signal: "CtrlBreak" }],
  [2, { signal: "CtrlClose" }],
  [5, { signal: "CtrlLogOff" }],
  [6, { signal: "CtrlShutdown" }],
  [SIGTERM, { signal: "CtrlShutdown" }],
  [SIGKILL, "terminate"],
]);

const LAST_LINUX_SIGNAL = 31;

/** Guests that cannot deliver signals at all: these numbers end the process, others are refused. */
const TERMINATING = new Set([6, SIGKILL, SIGTERM]);

/**
 * @param signal number as containerd sends it
 * @param canSignal whether the guest can deliver signals (`SignalProcessSupported`)
 * @throws {ShimError} SIGNAL_INVALID
 */
export function killAction(os: GuestOs, signal: number, canSignal: boolean): KillAction {
  if (os === "none") return "terminate";
  if (!canSignal && TERMINATING.has(signal)) return "terminate";
  const action = canSignal ? signalAction(os, signal) : undefined;
  if (action !== undefined) return action;
  throw new ShimError(
    "SIGNAL_INVALID",
    `signal ${signal}: a ${os} guest ${canSignal ? "has no such signal" : "takes 6, 9 and 15 only"}`,
  );
}

function signalAction(os: GuestOs, signal: number): KillAction | undefined {
  if (os === "windows") return WINDOWS_SIGNALS.get(signal);
  return signal >= 1 && signal <= LAST_LINUX_SIGNAL ? { signal } : undefined;
}
