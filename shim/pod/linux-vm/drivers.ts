/** Kernel drivers of the host in a Linux VM: attached as disks, loaded by a program of the guest. */
import { AnnotationReader } from "../../../oci/annotations/read.ts";
import { kernelDrivers } from "../../../oci/annotations/catalogue.ts";
import { SpecError } from "../../../oci/errors.ts";
import { driverDisks, installCommand } from "../../../oci/linux-drivers.ts";
import { runInVm } from "../vm/guest-command.ts";
import { unlessGone } from "../vm/uvm.ts";
import type { LinuxContainerInit } from "./container.ts";

const GUEST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Each disk is loaded once in a VM, whichever container asks for it first. */
export async function addDrivers(init: LinuxContainerInit, signal: AbortSignal): Promise<void> {
  const { request, uvm, devices, holdings, backend } = init;
  const disks = driverDisks(new AnnotationReader(request.spec.annotations));
  for (const [index, path] of disks.entries()) {
    if ((await backend.files.stat(path, { signal })) === undefined)
      throw new SpecError({
        at: `annotation ${kernelDrivers.key}`,
        rule: "must exist on the host",
        value: path,
      });
    const disk = devices.scsi.reserve({
      disk: { Type: "VirtualDisk", Path: path, ReadOnly: true },
      mount: { readOnly: true },
      grantAccess: true,
    });
    const { guestPath } = disk;
    const key = `disk:${uvm.id}/${request.id}/driver${index}`;
    await holdings.acquire(
      { kind: "disk", key, data: { vm: uvm.id, path, guestPath } },
      () => disk.acquire(signal),
      (budget) => unlessGone(uvm, () => disk.release(budget)),
    );
    if (devices.drivers.has(path)) continue;
    const CommandArgs = installCommand(path, guestPath);
    await runInVm(
      uvm,
      { CommandArgs, WorkingDirectory: "/", Environment: { PATH: GUEST_PATH } },
      "stderr",
      signal,
    );
    devices.drivers.add(path);
  }
}
