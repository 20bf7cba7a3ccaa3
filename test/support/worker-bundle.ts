/** The worker program as one file, so that a VM of a test starts as fast as a shipped one. */
import { programBundle } from "./program-bundle.ts";

/** How to run the worker built from the sources as they are now. */
export async function workerCommand(): Promise<readonly string[]> {
  return [process.execPath, await programBundle("worker", "hcs/emulator/worker/main.ts")];
}
