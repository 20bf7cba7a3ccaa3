/** The document a utility VM was made from, as the emulator keeps it. */
import { systemDirectory } from "../../hcs/emulator/systems/state-directory.ts";
import { readSystemFile } from "../../hcs/emulator/systems/system-file.ts";
import type { ComputeSystemDocument } from "../../hcs/schema/compute-system.ts";

/**
 * Reads the document of the VM of a pod, or of a task that has one for itself.
 *
 * @param emulatorDirectory the emulator's state directory
 * @param id of the pod or the task
 */
export function readUvmDocument(emulatorDirectory: string, id: string): ComputeSystemDocument {
  return readSystemFile(systemDirectory(emulatorDirectory, `${id}@vm`)).document;
}
