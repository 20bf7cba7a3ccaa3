/** Chooses the backend: the platform's own. */
import type { HcsBackend } from "../hcs/api.ts";
import type { Programs } from "./bootstrap/programs.ts";
import type { SpareVms } from "./hosting/spare-vms.ts";
import type { Options } from "./options/own.ts";

export async function openBackend(
  options: Options,
  programs: Programs,
  owner: string,
  spares: SpareVms | undefined,
): Promise<HcsBackend> {
  if (process.platform === "win32") {
    const { openWindowsBackend } = await import("./platform/windows-backend.ts");
    return openWindowsBackend();
  }
  const { createEmulator } = await import("../hcs/emulator/emulator.ts");
  return createEmulator({
    stateDirectory: options.emulatorStateDirectory,
    windowsDirectory: options.emulatorWindowsDirectory,
    build: options.emulatorWindowsBuild,
    workerEntry: { command: programs.vmWorker },
    owner,
    ...(spares === undefined ? {} : { spares }),
  });
}
