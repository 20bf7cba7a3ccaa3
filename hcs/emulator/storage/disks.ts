/**
 * Disks of a VM: loop devices of the host over the images, bound below the system's shares directory, which the worker
 * sees. Persistent memory is the same to a guest that shares its host's kernel: a block device. All of it is synchronous,
 * so that a disk is either there or not.
 */
import { closeSync, constants, existsSync, openSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { attachLoopDevice, detachLoopDevice, freeLoopDevice, mount, MS, unmount } from "../../posix/libc.ts";
import type { Devices, ScsiAttachment, VirtualPMemDevice } from "../../schema/compute-system.ts";
import { requireShape, SCSI_ATTACHMENT, VPMEM_DEVICE, type VmDocument } from "../systems/document.ts";
import type { HostPaths } from "../systems/state-directory.ts";
import { readDiskImage } from "./disk-image.ts";
import { listLoopDevices } from "./loop-devices.ts";
import { mountsAtOrBelow } from "./mount-table.ts";
import type { ModifyTarget } from "./plan9-shares.ts";
import { unmountDirectly } from "./storage.ts";
import { unmountTree } from "./unmount-tree.ts";

/** LUNs of a controller. */
const LUNS = 64;
const PAGE = 4096;

/** Name of a disk below `disks`; `controller` is the key of its controller in the document. */
export function scsiName(controller: string, lun: number): string {
  return `scsi-${controller.toLowerCase()}-${lun}`;
}

/** … of a persistent memory device, or of what is mapped at `offset` of one. */
export function vpmemName(device: number, offset?: number): string {
  return offset === undefined ? `pmem-${device}` : `pmem-${device}-${offset}`;
}

/** Attaches what `document` has from the start. */
export function attachDocumentDisks(paths: HostPaths, document: VmDocument, target: ModifyTarget): void {
  const devices = document.VirtualMachine.Devices ?? {};
  for (const [controller, { Attachments = {} }] of Object.entries(devices.Scsi ?? {})) {
    for (const [lun, attachment] of Object.entries(Attachments)) {
      addScsiDisk(paths, devices, { controller, lun: Number(lun) }, attachment, target);
    }
  }
  for (const [device, settings] of Object.entries(devices.VirtualPMem?.Devices ?? {})) {
    addVpmemDevice(paths, devices, Number(device), settings, target);
  }
}

export function addScsiDisk(
  paths: HostPaths,
  devices: Devices,
  { controller, lun }: { readonly controller: string; readonly lun: number },
  settings: unknown,
  target: ModifyTarget,
): void {
  requireShape(settings, SCSI_ATTACHMENT, target.operation, target.id);
  const { Path, Type, ReadOnly = false } = settings as ScsiAttachment;
  const refuse = refusal(`SCSI disk ${controller}:${lun}`, target);
  if (!Object.keys(devices.Scsi ?? {}).some((key) => key.toLowerCase() === controller.toLowerCase()))
    refuse(HRESULT.elementNotFound, "the VM has no such controller");
  if (lun >= LUNS) refuse(HRESULT.invalidArgument, `a controller has the LUNs 0 to ${LUNS - 1}`);
  if (Type === "ExtensibleVirtualDisk")
    refuse(HRESULT.notSupported, "the emulator has no extensible virtual disks");
  const sizeBytes = Type === "PassThru" ? requireDevice(Path, refuse) : requireImage(Path, refuse);
  attach(paths, scsiName(controller, lun), { path: Path, readOnly: ReadOnly, sizeBytes }, refuse);
}

export function addVpmemDevice(
  paths: HostPaths,
  devices: Devices,
  device: number,
  settings: unknown,
  target: ModifyTarget,
): void {
  const refuse = refusal(`persistent memory ${device}`, target);
  const sizeBytes = requireMemory(devices, device, settings, target, refuse);
  const most = devices.VirtualPMem?.MaximumSizeBytes ?? 0;
  if (most > 0 && sizeBytes > most) {
    refuse(HRESULT.invalidArgument, `the image has ${sizeBytes} bytes, a device of this VM at most ${most}`);
  }
  const { HostPath, ReadOnly = false } = settings as VirtualPMemDevice;
  attach(paths, vpmemName(device), { path: HostPath, readOnly: ReadOnly, sizeBytes }, refuse);
}

/** Maps an image into a part of a device; a mapping is always read-only. */
export function addVpmemMapping(
  paths: HostPaths,
  devices: Devices,
  { device, offset }: { readonly device: number; readonly offset: number },
  settings: unknown,
  target: ModifyTarget,
): void {
  const refuse = refusal(`mapping at ${offset} of persistent memory ${device}`, target);
  const sizeBytes = requireMemory(devices, device, settings, target, refuse);
  if (offset % PAGE !== 0) refuse(HRESULT.invalidArgument, `the offset is not a multiple of ${PAGE}`);
  if (existsSync(join(paths.disks, vpmemName(device))))
    refuse(HRESULT.alreadyExistsWin32, "one image has the whole device");
  const { HostPath } = settings as VirtualPMemDevice;
  attach(paths, vpmemName(device, offset), { path: HostPath, readOnly: true, sizeBytes }, refuse);
}

/** Removes a disk. One that the guest still uses stays until it no longer does, unseen by anybody else. */
export async function removeDisk(paths: HostPaths, name: string, target: ModifyTarget): Promise<void> {
  const node = join(paths.disks, name);
  if (!existsSync(node)) refusal(`disk ${name}`, target)(HRESULT.elementNotFound, "no such disk");
  detach(join(paths.images, name));
  for (const path of [node, join(paths.images, name)]) {
    await unmountTree(path, unmountDirectly);
    rmSync(path, { force: true });
  }
}

type Refuse = (hresult: number, detail: string, cause?: unknown) => never;

function refusal(what: string, { operation, id }: ModifyTarget): Refuse {
  return (hresult, detail, cause) => {
    throw new HcsError({ operation, target: id, hresult, detail: `${what}: ${detail}`, cause });
  };
}

function requireMemory(
  devices: Devices,
  device: number,
  settings: unknown,
  target: ModifyTarget,
  refuse: Refuse,
): number {
  requireShape(settings, VPMEM_DEVICE, target.operation, target.id);
  const count = devices.VirtualPMem?.MaximumCount ?? 0;
  if (device >= count) refuse(HRESULT.elementNotFound, `the VM has ${count} devices`);
  return requireImage((settings as VirtualPMemDevice).HostPath, refuse);
}

/** @returns size of the disk in bytes */
function requireImage(path: string, refuse: Refuse): number {
  const stats = requireFile(path, refuse);
  if (!stats.isFile()) refuse(HRESULT.invalidArgument, `"${path}" is not a regular file`);
  const image = readDiskImage(path);
  return image.kind === "usable"
    ? image.sizeBytes
    : refuse(HRESULT.notSupported, `cannot use image "${path}": ${image.reason}`);
}

/** @returns 0, which is the whole device */
function requireDevice(path: string, refuse: Refuse): number {
  if (!requireFile(path, refuse).isBlockDevice())
    refuse(HRESULT.invalidArgument, `"${path}" is not a block device`);
  return 0;
}

function requireFile(path: string, refuse: Refuse): NonNullable<ReturnType<typeof statSync>> {
  if (!path.startsWith("/")) refuse(HRESULT.invalidArgument, `"${path}" is not an absolute path`);
  return (
    statSync(path, { throwIfNoEntry: false }) ?? refuse(HRESULT.fileNotFound, `"${path}" does not exist`)
  );
}

interface Source {
  readonly path: string;
  readonly readOnly: boolean;
  /** 0: all of it. */
  readonly sizeBytes: number;
}

function attach(paths: HostPaths, name: string, source: Source, refuse: Refuse): void {
  const image = join(paths.images, name);
  const node = join(paths.disks, name);
  try {
    writeFileSync(image, "", { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    refuse(HRESULT.alreadyExistsWin32, "there is a disk already", error);
  }
  try {
    mount({ source: source.path, target: image, flags: MS.bind });
    mount({ target: image, flags: MS.private });
    const device = attachImage(image, source);
    writeFileSync(node, "", { flag: "wx" });
    mount({ source: device, target: node, flags: MS.bind });
  } catch (error) {
    detach(image);
    rmSync(node, { force: true });
    takeOff(image);
    throw error;
  }
}

/** Someone else may take the free device before us: then there is another one. @returns path of the device */
export function attachImage(image: string, { readOnly, sizeBytes }: Omit<Source, "path">): string {
  const access = readOnly ? constants.O_RDONLY : constants.O_RDWR;
  const file = openSync(image, access);
  try {
    for (;;) {
      const path = `/dev/loop${freeLoopDevice()}`;
      const device = openSync(path, access);
      try {
        attachLoopDevice(device, file, sizeBytes);
        return path;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EBUSY") throw error;
      } finally {
        closeSync(device);
      }
    }
  } finally {
    closeSync(file);
  }
}

function detach(image: string): void {
  for (const { device } of listLoopDevices().filter((one) => one.image === image)) {
    const file = openSync(device, "r");
    try {
      detachLoopDevice(file);
    } finally {
      closeSync(file);
    }
  }
}

/** Undoes a bind, if it was made, and the file under it. */
function takeOff(image: string): void {
  if (mountsAtOrBelow(image).length > 0) unmount(image, { detach: true });
  rmSync(image, { force: true });
}
