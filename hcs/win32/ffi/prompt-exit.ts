/**
 * Node waits at its exit for native calls that are on a thread, also when a service has stopped answering them. Then this process
 * ends itself as from outside: everything it holds is released by the system.
 */
import { callsInFlight, Lane } from "./lane.ts";
import { KERNEL32 } from "./libraries/kernel32.ts";
import { Library } from "./library.ts";

let installed = false;

/** Makes `process.exit()` prompt, whatever is in flight. Idempotent. */
export function ensurePromptExit(): void {
  if (installed) return;
  installed = true;
  const kernel32 = new Library(KERNEL32, new Lane("exit", 1));
  process.on("exit", (code) => {
    if (callsInFlight().length === 0) return;
    kernel32.call("TerminateProcess", kernel32.call("GetCurrentProcess"), code);
  });
}
