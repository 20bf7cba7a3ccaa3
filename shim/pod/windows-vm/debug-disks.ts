/** Disks of a confidential VM that are kept for whoever has to find out what went wrong inside it. */
import type { HostFiles } from "../../../hcs/port/files.ts";
import type { ComputeSystemDocument } from "../../../hcs/schema/compute-system.ts";
import type { WindowsVm } from "./windows-vm.ts";

/** LUNs of the scratch and of the disk it boots from. */
const KEPT = ["0", "1"];

/** Copies them once the VM has ended: `<VM id>_<name of the disk>`, replacing what an earlier VM of this id has left. */
export async function keepDisks(
  { uvm, options, paths }: WindowsVm,
  document: ComputeSystemDocument,
  files: Pick<HostFiles, "copyFile" | "remove">,
  signal: AbortSignal,
): Promise<void> {
  if (options.debugDirectory === "") return;
  const [controller] = Object.values(document.VirtualMachine?.Devices?.Scsi ?? {});
  for (const lun of KEPT) {
    const disk = controller?.Attachments?.[lun]?.Path;
    if (disk === undefined) continue;
    const copy = paths.join(options.debugDirectory, `${uvm.id}_${paths.basename(disk)}`);
    await files.remove(copy, { signal });
    await files.copyFile(disk, copy, { signal });
  }
}
