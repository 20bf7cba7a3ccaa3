/**
 * A `start` that goes on as the process it was to start: one boot of Node for a pod instead of two. What runs the executable
 * (`scripts/build/wrapper.ts`) puts it into a session of its own, passes on what it prints, and ends when it has let go.
 */
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { BUNDLE_FILE } from "./bundle.ts";
import { MALLOC_VARIABLES } from "./daemon.ts";

/** Set for a `start` that may stay: nobody waits for its end. */
export const STAY_VARIABLE = "RUNHCS_START_MAY_STAY";

/** Whether this process may stay. The environment is afterwards as whoever ran the executable had it. */
export function mayStay(environment: NodeJS.ProcessEnv): boolean {
  if (environment[STAY_VARIABLE] === undefined) return false;
  // They have had their effect, and are meant neither for a keeper nor for what a pod runs.
  for (const name of [STAY_VARIABLE, ...Object.keys(MALLOC_VARIABLES)]) delete environment[name];
  return true;
}

/**
 * Lets go of whoever ran `start`: of its streams, for whose end containerd waits, and of the bundle as working directory.
 * From now on what this process prints goes to the bundle's panic log.
 */
export function leaveCaller(bundle: string): void {
  const panicLog = join(bundle, BUNDLE_FILE.panic);
  for (const [descriptor, path, flags] of [
    [0, "/dev/null", "r"],
    [1, panicLog, "a"],
    [2, panicLog, "a"],
  ] as const) {
    closeSync(descriptor);
    // The lowest that is free is the next to be given out.
    const given = openSync(path, flags, 0o600);
    if (given !== descriptor) throw new Error(`cannot print to ${path}: it was opened as ${given}`);
  }
  process.chdir("/");
}
