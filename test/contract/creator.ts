/**
 * A process that creates a system and then waits, for tests that kill it: `creator.ts <JSON of CreatorTask>`. Prints one line
 * when the tasks are done.
 */
import { createEmulator } from "../../hcs/emulator/emulator.ts";
import type { ComputeSystemDocument } from "../../hcs/schema/compute-system.ts";
import { PLAN9_SHARES, scsiAttachmentPath } from "../../hcs/schema/modify.ts";

export interface CreatorTask {
  readonly stateDirectory: string;
  readonly command: readonly string[];
  readonly id: string;
  readonly document: ComputeSystemDocument;
  readonly start: boolean;
  readonly pause: boolean;
  /** Directory to share. */
  readonly share: string;
  /** Image to attach as a disk. */
  readonly image?: string;
}

const task = JSON.parse(process.argv[2] ?? "") as CreatorTask;
const emulator = createEmulator({
  stateDirectory: task.stateDirectory,
  workerEntry: { command: task.command },
});
const system = await emulator.computeSystems.create(task.id, task.document);
const Settings = { Name: "0", AccessName: "0", Port: 564, Path: task.share };
await system.modify({ ResourcePath: PLAN9_SHARES, RequestType: "Add", Settings });
if (task.image !== undefined) {
  const [controller = ""] = Object.keys(task.document.VirtualMachine?.Devices?.Scsi ?? {});
  const disk = { Type: "VirtualDisk", Path: task.image };
  await system.modify({
    ResourcePath: scsiAttachmentPath(controller, 0),
    RequestType: "Add",
    Settings: disk,
  });
}
if (task.start || task.pause) await system.start();
if (task.pause) await system.pause();
console.log("ready");
// The handle keeps the process.
