/** Mounts of a container in a Windows VM: what is on the host is brought into the VM first. */
import type { HostFiles } from "../../../hcs/port/files.ts";
import type { ScsiAttachment } from "../../../hcs/schema/compute-system.ts";
import type { MappedDirectory, MappedPipe } from "../../../hcs/schema/container.ts";
import { SpecError } from "../../../oci/errors.ts";
import type { Mount } from "../../../oci/spec.ts";
import { guestPipePath } from "../../../oci/windows/guest-paths.ts";
import {
  pipeName,
  vmPlacedMounts,
  type DiskMount,
  type DiskMountType,
  type PathMount,
  type PipeMount,
  type VmPlacedMount,
} from "../../../oci/windows/mounts.ts";
import type { Holdings } from "../../resources/holdings.ts";
import { unlessGone } from "../vm/uvm.ts";
import { runInGuest } from "./guest-command.ts";
import type { WindowsVm } from "./windows-vm.ts";

export interface GuestMounts {
  readonly directories: readonly MappedDirectory[];
  readonly pipes: readonly MappedPipe[];
}

export interface MountContext {
  readonly vm: WindowsVm;
  readonly holdings: Holdings;
  readonly files: Pick<HostFiles, "stat">;
}

/** In spec order, disks after everything else. What it had acquired when it fails is in the holdings. @throws {SpecError} */
export async function guestMounts(
  context: MountContext,
  mounts: readonly Mount[],
  signal: AbortSignal,
): Promise<GuestMounts> {
  const directories: MappedDirectory[] = [];
  const disks: MappedDirectory[] = [];
  const pipes: MappedPipe[] = [];
  for (const mount of vmPlacedMounts(mounts)) {
    const made = await mountInVm(context, mount, signal);
    if ("ContainerPipeName" in made) pipes.push(made);
    else (mount.kind === "disk" ? disks : directories).push(made);
  }
  return { directories: [...directories, ...disks], pipes };
}

async function mountInVm(
  context: MountContext,
  mount: VmPlacedMount,
  signal: AbortSignal,
): Promise<MappedDirectory | MappedPipe> {
  switch (mount.kind) {
    case "path":
      return sharePath(context, mount, signal);
    case "disk":
      return mapped(await attachDisk(context, mount, signal), mount);
    case "pipe":
      return mapPipe(context, mount, signal);
    case "vm-pipe":
      return {
        ContainerPipeName: mount.containerPipeName,
        HostPath: `\\\\.\\pipe\\${podOf(context)}\\${mount.vmPipeName}`,
      };
    case "sandbox":
      await makeSandboxDirectory(context, mount.guestPath, signal);
      return mapped(mount.guestPath, mount);
  }
}

function mapped(
  HostPath: string,
  { containerPath, readOnly }: Pick<PathMount, "containerPath" | "readOnly">,
): MappedDirectory {
  return { HostPath, ContainerPath: containerPath, ...(readOnly ? { ReadOnly: true } : {}) };
}

/** Pipes of the VM itself are grouped by pod. */
function podOf({ vm }: MountContext): string {
  return vm.uvm.id.replace(/@vm$/, "");
}

/** A file or directory of the host as a container in the VM gets it. */
export async function sharePath(
  { vm, holdings, files }: MountContext,
  mount: Omit<PathMount, "kind">,
  signal: AbortSignal,
): Promise<MappedDirectory> {
  const found = await files.stat(mount.hostPath, { signal });
  if (found === undefined)
    throw new SpecError({
      at: `mount source ${mount.hostPath}`,
      rule: "cannot be mounted: it does not exist on the host",
    });
  const kind = found.kind === "directory" ? "directory" : "file";
  const share = vm.shares.reserve({ path: mount.hostPath, kind, readOnly: mount.readOnly });
  await holdings.acquire(
    {
      kind: "share",
      key: `share:${vm.uvm.id}/${share.name}/${mount.containerPath}`,
      data: { vm: vm.uvm.id, name: share.name, path: mount.hostPath },
    },
    () => share.acquire(signal),
    (budget) => unlessGone(vm.uvm, () => share.release(budget)),
  );
  return mapped(share.guestPath, mount);
}

async function mapPipe(
  { vm, holdings }: MountContext,
  { hostPath, containerPipeName }: PipeMount,
  signal: AbortSignal,
): Promise<MappedPipe> {
  const pipe = vm.pipes.reserve(hostPath);
  await holdings.acquire(
    {
      kind: "pipe",
      key: `pipe:${vm.uvm.id}/${hostPath}/${containerPipeName}`,
      data: { vm: vm.uvm.id, path: hostPath },
    },
    () => pipe.acquire(signal),
    (budget) => unlessGone(vm.uvm, () => pipe.release(budget)),
  );
  return { ContainerPipeName: containerPipeName, HostPath: guestPipePath(pipeName(hostPath) ?? "") };
}

async function attachDisk(
  { vm, holdings }: MountContext,
  mount: DiskMount,
  signal: AbortSignal,
): Promise<string> {
  const disk = vm.disks.reserve({
    disk: attachment(mount),
    mount: {},
    grantAccess: mount.type !== "extensible-virtual-disk",
  });
  const { guestPath } = disk;
  await holdings.acquire(
    {
      kind: "disk",
      key: `disk:${vm.uvm.id}/${guestPath}/${mount.containerPath}`,
      data: { vm: vm.uvm.id, path: mount.source, guestPath },
    },
    () => disk.acquire(signal),
    (budget) => unlessGone(vm.uvm, () => disk.release(budget)),
  );
  return guestPath;
}

const ATTACHMENT_TYPES: Readonly<Record<DiskMountType, ScsiAttachment["Type"]>> = {
  "physical-disk": "PassThru",
  "virtual-disk": "VirtualDisk",
  "extensible-virtual-disk": "ExtensibleVirtualDisk",
};

/** `evd://<type>/<path>` */
const EXTENSIBLE_DISK = /^evd:\/\/([^/]+)\/(.+)$/;

function attachment({ type, source, readOnly }: DiskMount): ScsiAttachment {
  const common = { Type: ATTACHMENT_TYPES[type], ...(readOnly ? { ReadOnly: true } : {}) };
  if (type !== "extensible-virtual-disk") return { ...common, Path: source };
  const [, ExtensibleVirtualDiskType, Path] = EXTENSIBLE_DISK.exec(source) ?? [];
  if (ExtensibleVirtualDiskType !== undefined && Path !== undefined)
    return { ...common, Path, ExtensibleVirtualDiskType };
  throw new SpecError({
    at: `mount source ${source}`,
    rule: "must be evd://<type>/<path> for an extensible virtual disk",
  });
}

/** `mkdir` fails for a directory that is there: what counts is that it can be listed afterwards. */
async function makeSandboxDirectory({ vm }: MountContext, path: string, signal: AbortSignal): Promise<void> {
  // A confidential guest lets nobody run commands; it makes the directory itself.
  if (vm.options.confidential !== undefined) return;
  await runInGuest(vm.uvm, `cmd /c mkdir ${path} & dir ${path}`, "stderr", signal);
}
