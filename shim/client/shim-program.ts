/** The shim's own program. */
import { join } from "node:path";

/** What containerd looks for on its PATH, and this library too where nobody says otherwise. */
export const SHIM_PROGRAM = "containerd-shim-runhcs-v1";

/**
 * The shim of one installation, as program and first arguments.
 *
 * @param directory of its executables
 */
export function shimBeside(directory: string): string[] {
  const path = join(directory, SHIM_PROGRAM);
  // Elsewhere it is a script, for the Node that runs this one.
  return process.platform === "win32" ? [`${path}.exe`] : [process.execPath, "--no-warnings", path];
}
