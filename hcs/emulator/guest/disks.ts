/** Disks and persistent memory of the VM: the host shows each as a block device under a name that says where it is. */
import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  readSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { mount, MS, unmount } from "../../posix/libc.ts";
import { parseMountOptions } from "../storage/mount-options.ts";
import { mountsAtOrBelow } from "../storage/mount-table.ts";
import { deviceAt } from "./devices.ts";
import { GuestError, RESULT } from "./errors.ts";
import { ownPath } from "./guest-path.ts";
import { removeMountPoint } from "./mounts.ts";
import type { Reaper } from "./reaper.ts";
import type { MappedDiskSettings, MemoryDeviceSettings } from "./requests.ts";

/** Where the worker shows the host's disks. */
const DISKS = "/run/shares/disks";

/** A Linux guest knows its controllers by these ids, and requests by their places in the list. */
const CONTROLLERS: readonly string[] = [
  "df6d0690-79e5-55b6-a5ec-c1e2f77f580a",
  "0110f83b-de10-5172-a266-78bca56bf50a",
  "b5d2d8d4-3a75-51bf-945b-3444dc6b8579",
  "305891a9-b251-5dfe-91a2-c25d9212275b",
];

const EXT4 = "ext4";

/** Programs that format, by file system. */
const FORMATTERS: Readonly<Record<string, readonly string[]>> = {
  [EXT4]: ["mkfs.ext4", "-q", "-F"],
  xfs: ["mkfs.xfs", "-q", "-f"],
};

/**
 * Mounts a disk, or links to it. Without a path it is only looked for. A real guest waits for a disk that is not
 * attached, for ever; this one says so.
 */
export async function addMappedDisk(settings: MappedDiskSettings, reaper: Reaper): Promise<void> {
  const { Partition = 0, ReadOnly = false, EnsureFilesystem = false, Options = [] } = settings;
  const device = requireDisk(diskName(settings), Partition);
  if (settings.Encrypted === true)
    throw new GuestError(RESULT.failed, "the emulated guest encrypts no disks");
  if ((settings.MountPath ?? "") === "") return;
  const target = ownPath(settings.MountPath, "MountPath");
  if (settings.BlockDev === true) {
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    symlinkSync(device, target);
    return;
  }
  const wanted = settings.Filesystem ?? "";
  if (EnsureFilesystem && detectFileSystem(device) !== (wanted || EXT4))
    await format(device, wanted || EXT4, reaper);
  mountDevice(device, target, {
    type: wanted || requireDetected(device),
    readOnly: ReadOnly,
    // Options of a container's mount come along as they are; these two say how the container gets the mount.
    options: Options.filter((option) => option !== "bind" && option !== "rbind"),
  });
}

export function removeMappedDisk(settings: MappedDiskSettings): void {
  if ((settings.MountPath ?? "") === "") return;
  const target = ownPath(settings.MountPath, "MountPath");
  if (lstatSync(target, { throwIfNoEntry: false })?.isSymbolicLink() === true) unlinkSync(target);
  else removeMountPoint(target);
}

/** Lets go of a disk before the host takes it away. One that is absent is success. */
export function unplugDisk(settings: MappedDiskSettings): void {
  const path = join(DISKS, diskName(settings));
  if (mountsAtOrBelow(path).length > 0) unmount(path, { detach: true });
}

/** Mounts a device of persistent memory, or a part of one, read-only. */
export function addMemoryDevice(settings: MemoryDeviceSettings): void {
  const target = ownPath(settings.MountPath, "MountPath");
  const { DeviceNumber = 0, MappingInfo } = settings;
  const part = MappingInfo === undefined ? "" : `-${MappingInfo.DeviceOffsetInBytes ?? 0}`;
  const device = requireDisk(`pmem-${DeviceNumber}${part}`, 0);
  mountDevice(device, target, { type: EXT4, readOnly: true, options: [] });
}

export function removeMemoryDevice(settings: MemoryDeviceSettings): void {
  removeMountPoint(ownPath(settings.MountPath, "MountPath"));
}

function diskName({ Controller = 0, Lun = 0 }: MappedDiskSettings): string {
  const controller = CONTROLLERS[Controller];
  if (controller !== undefined) return `scsi-${controller}-${Lun}`;
  throw new GuestError(RESULT.failed, `there is no SCSI controller ${Controller}`);
}

/** Path of the device with that name, or of one of its partitions. */
function requireDisk(name: string, partition: number): string {
  const shown = join(DISKS, name);
  if (mountsAtOrBelow(shown).length === 0) {
    throw new GuestError(RESULT.failed, `there is no disk "${name}": the host has not attached it`);
  }
  const { major = 0, minor = 0 } = deviceAt(shown);
  const own = basename(readlinkSync(`/sys/dev/block/${major}:${minor}`));
  const device = `/dev/${own}${partition === 0 ? "" : `p${partition}`}`;
  if (existsSync(device)) return device;
  throw new GuestError(RESULT.failed, `disk "${name}" has no partition ${partition}`);
}

function requireDetected(device: string): string {
  const detected = detectFileSystem(device);
  if (detected === EXT4) return detected;
  throw new GuestError(RESULT.failed, `cannot mount disk "${device}": it has no ${EXT4} file system`);
}

/** By the superblocks' magic numbers. */
function detectFileSystem(device: string): string | undefined {
  const EXT4_MAGIC_OFFSET = 1024 + 0x38;
  const EXT4_MAGIC = 0xef53;
  const start = Buffer.alloc(2048);
  const file = openSync(device, "r");
  try {
    readSync(file, start, 0, start.length, 0);
  } finally {
    closeSync(file);
  }
  if (start.readUInt16LE(EXT4_MAGIC_OFFSET) === EXT4_MAGIC) return EXT4;
  return start.toString("latin1", 0, 4) === "XFSB" ? "xfs" : undefined;
}

function format(device: string, type: string, reaper: Reaper): Promise<void> {
  const [program, ...args] = FORMATTERS[type] ?? [];
  if (program === undefined)
    throw new GuestError(RESULT.failed, `cannot format disk "${device}": unknown file system "${type}"`);
  const fail = (how: string, cause?: unknown): GuestError =>
    new GuestError(RESULT.failed, `cannot format disk "${device}": ${program} ${how}`, { cause });
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args, device], { stdio: ["ignore", "ignore", "pipe"] });
    reaper.adopt(child);
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    child.once("error", (error) => reject(fail("cannot be started", error)));
    child.once("close", (code, signal) => {
      if (code === 0) resolve();
      else reject(fail(`ended with ${code ?? signal ?? "nothing"}: ${said.trim()}`));
    });
  });
}

interface DeviceMount {
  readonly type: string;
  readonly readOnly: boolean;
  readonly options: readonly string[];
}

function mountDevice(source: string, target: string, { type, readOnly, options }: DeviceMount): void {
  const { flags, propagation, data } = parseMountOptions([...options, ...(readOnly ? ["ro"] : [])]);
  // A read-only mount must not write either what an interrupted one left in the journal.
  const own = (flags & MS.rdonly) !== 0 && type === EXT4 ? ["noload"] : [];
  const made = mkdirSync(target, { recursive: true, mode: 0o700 });
  try {
    mount({ source, target, type, flags, data: [...data, ...own].join(",") });
  } catch (error) {
    if (made !== undefined) rmdirSync(target);
    throw error;
  }
  if (propagation !== 0) mount({ target, flags: propagation });
}
