/**
 * Exiting while native calls are under way: Node waits for the threads they are on, for ever if need be. Then the process ends as
 * TerminateProcess does, with the exit code it was to have.
 */
import { callsInFlight, Lane } from "./lane.ts";
import { KERNEL32 } from "./libraries/kernel32.ts";
import { Library } from "./library.ts";

const kernel32 = new Library(KERNEL32, new Lane("exit", 1));
let guarded = false;

/** From now on nothing can keep this process from exiting. Idempotent. */
export function guardExit(): void {
  if (guarded) return;
  guarded = true;
  // Registered late, so that the handlers of others run before.
  process.on("exit", (code) => {
    if (callsInFlight().length === 0) return;
    kernel32.call("TerminateProcess", kernel32.call("GetCurrentProcess"), code >>> 0);
  });
}
