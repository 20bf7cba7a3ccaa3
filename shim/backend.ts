/** Chooses the backend: the platform's own. The only file that asks which platform it is. */
import type { HcsBackend } from "../hcs/api.ts";
import type { Programs } from "./bootstrap/programs.ts";
import type { Options } from "./options/own.ts";

export async function openBackend(options: Options, programs: Programs, owner: string): Promise<HcsBackend> {
  if (process.platform !== "linux") {
    throw new Error(`cannot open a backend: none exists for ${process.platform} in this version`);
  }
  const { createEmulator } = await import("../hcs/emulator/emulator.ts");
  return createEmulator({
    stateDirectory: options.emulatorStateDirectory,
    windowsDirectory: options.emulatorWindowsDirectory,
    build: options.emulatorWindowsBuild,
    workerEntry: { command: programs.vmWorker },
    owner,
  });
}
