/** How things are released from outside on this platform. Loaded only where there is something to release. */
import type { Options } from "../options/own.ts";
import type { Reclaimers } from "./reclaim.ts";

export async function platformReclaimers(options: Options): Promise<Reclaimers> {
  if (process.platform === "win32") {
    const [{ windowsReclaimers }, { openWindowsBackend }] = await Promise.all([
      import("./windows-reclaimers.ts"),
      import("../platform/windows-backend.ts"),
    ]);
    // Whoever asks ends with the process, and with it what the backend holds.
    return windowsReclaimers(openWindowsBackend(), AbortSignal.timeout(options.budgetMs("leftovers")));
  }
  const { linuxReclaimers } = await import("./linux-reclaimers.ts");
  return linuxReclaimers(options.emulatorStateDirectory);
}
