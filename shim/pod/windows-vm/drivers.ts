/** Kernel drivers of the host in a Windows VM: their directories are shared, and installed by the guest's own tool. */
import { AnnotationReader } from "../../../oci/annotations/read.ts";
import { kernelDrivers } from "../../../oci/annotations/catalogue.ts";
import type { Spec } from "../../../oci/spec.ts";
import { runInGuest } from "./guest-command.ts";
import { sharePath, type MountContext } from "./mounts.ts";

/** Shares the directories that the annotation names. @returns where the guest sees them @throws {SpecError} */
export async function shareDrivers(
  context: MountContext,
  { annotations }: Spec,
  signal: AbortSignal,
): Promise<string[]> {
  const shared: string[] = [];
  for (const hostPath of new AnnotationReader(annotations).read(kernelDrivers) ?? []) {
    const share = await sharePath(context, { hostPath, containerPath: hostPath, readOnly: true }, signal);
    shared.push(share.HostPath);
  }
  return shared;
}

/** Done again after devices were assigned: a driver may have waited for its device. */
export async function installDrivers(
  { vm }: MountContext,
  directories: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const directory of directories) {
    const install = `C:\\Windows\\System32\\pnputil.exe /add-driver ${directory}\\*.inf /subdirs /install`;
    await runInGuest(vm.uvm, `cmd /c ${install}`, "stderr", signal);
  }
}
