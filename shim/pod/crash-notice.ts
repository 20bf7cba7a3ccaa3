/**
 * Word of a VM that was lost, for whoever routes work to its pod: one line of JSON to a socket of theirs, before the
 * exits of the pod's tasks are told.
 */
import { connect } from "node:net";
import { messageOf } from "../errors.ts";

/** What the line says. */
export interface VmCrash {
  readonly event: "vm crashed";
  /** containerd's namespace. */
  readonly namespace: string;
  readonly pod: string;
  readonly vm: string;
  readonly reason: string;
  /** Ids of all tasks of the pod, the sandbox first. */
  readonly tasks: readonly string[];
  /** The last lines of its guest's log, oldest first: where a guest says why it goes. */
  readonly log: readonly string[];
  /** ISO 8601. */
  readonly at: string;
}

/**
 * Writes the line, and waits until the listener has read it to its end and closed.
 *
 * @param target path of a Unix socket or a named pipe that somebody serves
 * @throws when nobody listens there, or the reason of the signal
 */
export function sendCrashNotice(target: string, crash: VmCrash, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = connect(target);
    const settle = (error?: unknown): void => {
      signal.removeEventListener("abort", onAbort);
      socket.destroy();
      if (error === undefined) resolve();
      else reject(new Error(`cannot tell ${target} of a crashed VM: ${messageOf(error)}`, { cause: error }));
    };
    const onAbort = (): void => settle(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("error", settle);
    socket.once("close", () => settle());
    // The other side may answer whatever it likes; its end is what is waited for.
    socket.resume();
    socket.end(`${JSON.stringify(crash)}\n`);
  });
}
