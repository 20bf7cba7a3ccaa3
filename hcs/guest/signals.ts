/** Which signals a guest can be asked to deliver, and how the request says so. Data and one lookup. */
import type { ProcessSignal } from "../api.ts";
import type { SignalOptions } from "./protocol.ts";
import type { GuestOs } from "./stdio.ts";

/** `undefined` options are the request for a kill. */
export type SignalRequest = { readonly options: SignalOptions | undefined };

const KILL: SignalRequest = { options: undefined };

const LAST_LINUX_SIGNAL = 31;

/** Windows: what containerd's Linux numbers mean there. */
const WINDOWS_NUMBERS: ReadonlyMap<number, SignalRequest> = new Map([
  [0, { options: { Signal: "CtrlC" } }],
  [1, { options: { Signal: "CtrlBreak" } }],
  [2, { options: { Signal: "CtrlClose" } }],
  [5, { options: { Signal: "CtrlLogOff" } }],
  [6, { options: { Signal: "CtrlShutdown" } }],
  [9, KILL],
  [15, { options: { Signal: "CtrlShutdown" } }],
]);

/** What remains where the guest cannot signal: requests to end the process, and all of them kill it. */
const KILLS: Readonly<Record<GuestOs, ReadonlySet<ProcessSignal>>> = {
  linux: new Set([9, 15]),
  windows: new Set([6, 9, 15]),
};

/** The request that delivers `signal`, or `undefined` when this guest has no such signal. */
export function signalRequest(
  os: GuestOs,
  signal: ProcessSignal,
  guestCanSignal: boolean,
): SignalRequest | undefined {
  if (!guestCanSignal) return KILLS[os].has(signal) ? KILL : undefined;
  if (os === "windows") {
    return typeof signal === "number" ? WINDOWS_NUMBERS.get(signal) : { options: { Signal: signal } };
  }
  const isLinux =
    typeof signal === "number" && Number.isInteger(signal) && signal >= 1 && signal <= LAST_LINUX_SIGNAL;
  return isLinux ? { options: { Signal: signal } } : undefined;
}
