/**
 * What must not end with an empty event loop. Native callbacks and handles are nothing that Node knows of: a program that only waits
 * for one would end in the middle. A timer that never fires keeps it, while there is something to wait for.
 */

const LONGEST_INTERVAL_MS = 2 ** 31 - 1;

let holders = 0;
let timer: NodeJS.Timeout | undefined;

/** @returns lets go again; idempotent */
export function keepProcess(): () => void {
  holders += 1;
  timer ??= setInterval(() => undefined, LONGEST_INTERVAL_MS);
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    holders -= 1;
    if (holders > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}
