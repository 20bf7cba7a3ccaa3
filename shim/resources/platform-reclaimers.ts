/** How things are released from outside on this platform. Loaded only where there is something to release. */
import type { Options } from "../options/own.ts";
import type { Reclaimers } from "./reclaim.ts";

export async function platformReclaimers(options: Options): Promise<Reclaimers> {
  const { linuxReclaimers } = await import("./linux-reclaimers.ts");
  return linuxReclaimers(options.emulatorStateDirectory);
}
