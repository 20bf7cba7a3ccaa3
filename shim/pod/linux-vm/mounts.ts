/** Files, directories, disks and devices of the host in a Linux container: first in its VM, then in its document. */
import { posix, win32 } from "node:path";
import { guestContainerRoot, type GuestMount } from "../../../oci/documents/linux-container.ts";
import { SpecError } from "../../../oci/errors.ts";
import { linuxMounts, type DiskMount, type ShareMount } from "../../../oci/linux-mounts.ts";
import { assignableDevices } from "../../../oci/vpci.ts";
import { addShare } from "../vm/devices/plan9.ts";
import { unlessGone } from "../vm/uvm.ts";
import type { LinuxContainerInit } from "./container.ts";

/** From this build on a share can be restricted to one file. */
const FILE_SHARE_BUILD = 18_362;

/** @returns what the guest is told of each mount, by its index in the spec */
export async function addMounts(
  init: LinuxContainerInit,
  signal: AbortSignal,
): Promise<Map<number, GuestMount>> {
  const { request } = init;
  const mounts = new Map<number, GuestMount>();
  for (const mount of linuxMounts(request.spec, guestContainerRoot(request.id))) {
    const added =
      mount.kind === "share" ? await addHostPath(init, mount, signal) : await addDisk(init, mount, signal);
    mounts.set(mount.index, added);
  }
  return mounts;
}

async function addHostPath(
  init: LinuxContainerInit,
  mount: ShareMount,
  signal: AbortSignal,
): Promise<GuestMount> {
  const { uvm, devices, holdings, backend, host, noWritableShares } = init;
  const { source, readOnly, guestDirectory: guestPath } = mount;
  const at = `/mounts/${mount.index}`;
  const refuse = (rule: string): SpecError => new SpecError({ at: `${at}/source`, rule, value: source });
  const found = await backend.files.stat(source, { signal });
  if (found === undefined) throw refuse("must exist on the host");
  if (noWritableShares && !readOnly)
    throw refuse(
      "must be mounted read-only: annotation io.microsoft.virtualmachine.fileshares.disablewritable is set",
    );
  if (found.kind === "directory") {
    await addShare(uvm, devices.shareNames, holdings, { directory: source, readOnly, guestPath }, signal);
    return { source: guestPath };
  }
  if (host.build < FILE_SHARE_BUILD)
    throw refuse(`must be a directory: sharing single files needs Windows build ${FILE_SHARE_BUILD}`);
  const file = (backend.traits.paths === "win32" ? win32 : posix).basename(source);
  const directory = source.slice(0, source.length - file.length);
  await addShare(uvm, devices.shareNames, holdings, { directory, file, readOnly, guestPath }, signal);
  return { source: `${guestPath}/${file}` };
}

async function addDisk(
  { request, uvm, devices, holdings }: LinuxContainerInit,
  mount: DiskMount,
  signal: AbortSignal,
): Promise<GuestMount> {
  const { disk, readOnly, blockDevice, options, needsAccess } = mount;
  const reserved = devices.scsi.reserve({
    disk,
    mount: { readOnly, blockDevice, options },
    grantAccess: needsAccess,
  });
  const { guestPath } = reserved;
  await holdings.acquire(
    {
      kind: "disk",
      // Two mounts of a container may be one in the VM.
      key: `disk:${uvm.id}/${request.id}/${mount.index}`,
      data: { vm: uvm.id, path: disk.Path, guestPath },
    },
    () => reserved.acquire(signal),
    (budget) => unlessGone(uvm, () => reserved.release(budget)),
  );
  return { source: guestPath, type: blockDevice ? "bind" : "none" };
}

/** A device of a container, by the id that the guest knows. */
export interface GuestDevice {
  readonly vmBusId: string;
  readonly idType: string;
}

export async function addDevices(init: LinuxContainerInit, signal: AbortSignal): Promise<GuestDevice[]> {
  const { request, uvm, devices, holdings } = init;
  const added: GuestDevice[] = [];
  for (const device of assignableDevices(request.spec)) {
    const reserved = devices.pci.reserve(device);
    const key = `device:${uvm.id}/${request.id}${device.at}`;
    await holdings.acquire(
      { kind: "device", key, data: { vm: uvm.id, id: device.id } },
      () => reserved.acquire(signal),
      (budget) => unlessGone(uvm, () => reserved.release(budget)),
    );
    added.push({ vmBusId: reserved.vmBusId, idType: device.idType });
  }
  return added;
}
