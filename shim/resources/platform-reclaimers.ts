/** How things are released from outside on this platform. Loaded only where there is something to release. */
import type { Options } from "../options/own.ts";
import type { Reclaimers } from "./reclaim.ts";
import type { ReclaimingBackend } from "./windows-reclaimers.ts";

let windowsBackend: ReclaimingBackend | undefined;

export async function platformReclaimers(options: Options): Promise<Reclaimers> {
  if (process.platform === "win32") {
    const [{ windowsReclaimers }, { openWindowsBackend }] = await Promise.all([
      import("./windows-reclaimers.ts"),
      import("../platform/windows-backend.ts"),
    ]);
    // One for the process, which ends with it: a keeper is asked again and again.
    windowsBackend ??= openWindowsBackend();
    return windowsReclaimers(windowsBackend, AbortSignal.timeout(options.budgetMs("leftovers")));
  }
  const { linuxReclaimers } = await import("./linux-reclaimers.ts");
  return linuxReclaimers(options.emulatorStateDirectory);
}
