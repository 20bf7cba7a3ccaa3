/** Which process has a pid: so that a recycled pid is never taken for the process that had it before. */
import { identify, type ProcessIdentity } from "../../hcs/emulator/systems/process-identity.ts";

/** The process that has `pid` now; undefined when there is none. `startTime` is comparable on one machine alone. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  if (process.platform === "win32")
    return (await import("../../hcs/win32/process-identity.ts")).identify(pid);
  return identify(pid);
}
