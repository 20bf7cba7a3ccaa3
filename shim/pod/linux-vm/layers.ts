/**
 * The root file system of a Linux container: layers and scratch as disks of its VM that the guest combines, or a
 * directory of the host that is shared with it.
 */
import { posix, win32 } from "node:path";
import type { HcsBackend } from "../../../hcs/api.ts";
import { addCombinedLayers, removeCombinedLayers } from "../../../hcs/guest/modify.ts";
import { guestContainerRoot, guestRootfs, guestScratch } from "../../../oci/documents/linux-container.ts";
import { optionalStrings } from "../../../oci/json.ts";
import { linuxLayers, type LinuxLayer, type LinuxLayers } from "../../../oci/linux-layers.ts";
import type { Spec } from "../../../oci/spec.ts";
import { makeBlankDisk, makeReadOnlyDisk } from "../disk-image.ts";
import { messageOf, ShimError } from "../../errors.ts";
import type { CreateRequest } from "../request.ts";
import type { Reservation } from "../vm/devices/shared-device.ts";
import { addShare } from "../vm/devices/plan9.ts";
import { unlessGone } from "../vm/uvm.ts";
import type { LinuxContainerInit } from "./container.ts";

/** Directory of the bundle where the root file system is mounted. */
const ROOTFS = "rootfs";

/** @returns where the guest has the container's overlay directories */
export async function addRootfs(init: LinuxContainerInit, signal: AbortSignal): Promise<string> {
  const { request, backend } = init;
  const folders = layerFolders(request.spec);
  const isMountable = request.rootfs.every(({ type }) => backend.storage.mountTypes.includes(type));
  const directoryOfRequest = rootDirectory(request, backend, folders);
  if (init.level !== "shared" && (isMountable || directoryOfRequest !== undefined) && folders.length === 0) {
    const source = directoryOfRequest ?? (await mountRootfs(init, signal));
    return addLayers(init, await packRootfs(init, source, signal), signal);
  }
  if (request.rootfs.length > 0 && folders.length === 0 && isMountable) {
    await shareDirectory(init, await mountRootfs(init, signal), signal);
    return guestScratch(guestContainerRoot(request.id), request.id);
  }
  if (directoryOfRequest !== undefined) {
    await shareDirectory(init, directoryOfRequest, signal);
    return guestScratch(guestContainerRoot(request.id), request.id);
  }
  return addLayers(init, linuxLayers(request.rootfs, folders), signal);
}

function layerFolders({ windows }: Spec): string[] {
  return (windows && optionalStrings(windows.document, "layerFolders", "/windows")) ?? [];
}

/** Without mounts and layers the spec names a directory of the host. */
function rootDirectory(
  { rootfs, spec }: CreateRequest,
  { traits }: HcsBackend,
  folders: readonly string[],
): string | undefined {
  const path = spec.root?.path ?? "";
  if (rootfs.length > 0 || folders.length > 0 || path === "") return undefined;
  const rules = traits.paths === "win32" ? win32 : posix;
  return rules.isAbsolute(path) ? path : undefined;
}

/** Applies what the snapshotter handed over. @returns the directory */
async function mountRootfs(init: LinuxContainerInit, signal: AbortSignal): Promise<string> {
  const { request, holdings, backend } = init;
  const { storage, traits } = backend;
  const target = (traits.paths === "win32" ? win32 : posix).join(request.bundle, ROOTFS);
  await holdings.acquire(
    { kind: "mount", key: `mount:${target}`, data: { target } },
    () => storage.mount(request.rootfs, target, { signal }),
    (budget) => storage.unmount(target, { signal: budget }),
  );
  return target;
}

/** Size of the scratch disk that goes with a packed root file system; a sparse file. */
const SCRATCH_MB = 10 * 1024;

/**
 * The root file system as the image of a disk, with a blank one for what is written: nothing of the host is shared, and what
 * the container writes does not come back to the snapshot.
 */
async function packRootfs(
  { request, holdings, backend }: LinuxContainerInit,
  directory: string,
  signal: AbortSignal,
): Promise<LinuxLayers> {
  const paths = backend.traits.paths === "win32" ? win32 : posix;
  const keep = (path: string, make: () => Promise<void> | void): Promise<void> =>
    holdings.acquire(
      { kind: "file", key: `file:${path}`, data: { path } },
      async () => make(),
      (budget) => backend.files.remove(path, { signal: budget }),
    );
  const layer = paths.join(request.bundle, "rootfs.ext4");
  const scratch = paths.join(request.bundle, "scratch.ext4");
  await keep(layer, () => makeReadOnlyDisk(directory, layer, signal));
  await keep(scratch, () => makeBlankDisk(scratch, SCRATCH_MB));
  return { layers: [{ path: layer, partition: 0 }], scratch };
}

/** Always writable: what a read-only root means is for the container runtime in the guest. */
async function shareDirectory(
  { request, uvm, devices, holdings }: LinuxContainerInit,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const share = { directory, readOnly: false, guestPath: guestRootfs(request.id), rootfsOf: request.id };
  await addShare(uvm, devices.shareNames, holdings, share, signal);
}

/** Layers, scratch and what is made of them are one holding: they go in an order of their own. */
async function addLayers(init: LinuxContainerInit, disks: LinuxLayers, signal: AbortSignal): Promise<string> {
  const { request, uvm, holdings } = init;
  const { id } = request;
  const release: Release[] = [];
  const scratchPath = await holdings.acquire(
    { kind: "layers", key: `layers:${uvm.id}/${id}`, data: { vm: uvm.id, container: id } },
    async () => {
      try {
        return await attachLayers(init, disks, release, signal);
      } catch (error) {
        await undo(release, error, signal);
        throw error;
      }
    },
    (budget) => unlessGone(uvm, () => releaseAll(release, budget)),
  );
  return scratchPath;
}

type Release = (signal: AbortSignal) => Promise<void>;

/** What was attached is added to `release`, in the order of its release. */
async function attachLayers(
  init: LinuxContainerInit,
  { layers, scratch }: LinuxLayers,
  release: Release[],
  signal: AbortSignal,
): Promise<string> {
  const { request, uvm, devices, backend, scratchEncrypted } = init;
  const { id } = request;
  const paths: { Path: string }[] = [];
  const attach = async (disk: Reservation & { readonly guestPath: string }, at: number): Promise<string> => {
    await disk.acquire(signal);
    release.splice(at, 0, (budget) => disk.release(budget));
    return disk.guestPath;
  };
  for (const layer of layers) {
    const disk = await reserveLayer(init, layer, signal);
    paths.push({ Path: await attach(disk, release.length) });
  }
  const scratchDisk = devices.scsi.reserve({
    disk: { Type: "VirtualDisk", Path: await backend.files.finalPath(scratch, { signal }) },
    mount: {
      path: guestContainerRoot(id),
      encrypted: scratchEncrypted,
      ensureFilesystem: scratchEncrypted ? "xfs" : "ext4",
    },
    grantAccess: true,
  });
  const ScratchPath = guestScratch(await attach(scratchDisk, 0), id);
  const ContainerRootPath = guestRootfs(id);
  const combined = { ContainerID: id, ContainerRootPath, Layers: paths, ScratchPath };
  await uvm.guest.modify(addCombinedLayers(combined), { signal });
  release.unshift((budget) => uvm.guest.modify(removeCombinedLayers(ContainerRootPath), { signal: budget }));
  return ScratchPath;
}

/** Persistent memory where it fits, else a disk. Layers are readable for every VM as they are. */
async function reserveLayer(
  { request, devices, backend }: LinuxContainerInit,
  { path, partition }: LinuxLayer,
  signal: AbortSignal,
): Promise<Reservation & { readonly guestPath: string }> {
  const file = await backend.files.stat(path, { signal });
  if (file === undefined) throw new Error(`cannot create "${request.id}": its layer "${path}" is not there`);
  const memory = partition === 0 ? devices.vpmem.reserve(path, file.size) : undefined;
  if (memory !== undefined) return memory;
  return devices.scsi.reserve({
    disk: { Type: "VirtualDisk", Path: path, ReadOnly: true },
    mount: { readOnly: true, partition, options: ["ro"] },
  });
}

/** Goes on after a failure; what was released is forgotten, so that another call goes on with the rest. */
async function releaseAll(release: Release[], signal: AbortSignal): Promise<void> {
  const failures: unknown[] = [];
  for (const each of [...release]) {
    try {
      await each(signal);
      release.splice(release.indexOf(each), 1);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0)
    throw new ShimError("RELEASE_FAILED", failures.map(messageOf).join("; "), { cause: failures[0] });
}

async function undo(release: Release[], cause: unknown, signal: AbortSignal): Promise<void> {
  try {
    await releaseAll(release, signal);
  } catch (error) {
    throw new ShimError("RELEASE_FAILED", `${messageOf(cause)}; and then: ${messageOf(error)}`, { cause });
  }
}
