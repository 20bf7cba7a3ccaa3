/** Device nodes of the guest, as a spec describes them. */
import { lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { GuestError, RESULT } from "./errors.ts";
import type { OciDevice, OciDeviceRule } from "./oci.ts";

/** Directories below /dev that hold no devices to hand on: they are file systems of their own. */
const SKIPPED = new Set(["pts", "shm", "mqueue", "fd", ".udev", ".lxc", ".lxd-mounts"]);

const PERMISSIONS = 0o777;

/** The node at `path`. Throws when there is none or when it is no device. */
export function deviceAt(path: string): OciDevice {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined)
    throw new GuestError(RESULT.failed, `device "${path}" does not exist in the guest`);
  const type = stats.isCharacterDevice() ? "c" : stats.isBlockDevice() ? "b" : undefined;
  if (type === undefined) throw new GuestError(RESULT.failed, `"${path}" is not a device of the guest`);
  return {
    path,
    type,
    major: majorOf(stats.rdev),
    minor: minorOf(stats.rdev),
    fileMode: Number(stats.mode) & PERMISSIONS,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
  };
}

/** All device nodes below /dev. */
export function allDevices(directory = "/dev"): OciDevice[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory() === true) return SKIPPED.has(name) ? [] : allDevices(path);
    // A container gets a console of its own.
    const isDevice = stats?.isCharacterDevice() === true || stats?.isBlockDevice() === true;
    return isDevice && name !== "console" ? [deviceAt(path)] : [];
  });
}

/** The rule that lets a container read, write and make `device`. */
export function ruleFor({ type, major, minor }: OciDevice): OciDeviceRule {
  return {
    allow: true,
    type,
    ...(major === undefined ? {} : { major }),
    ...(minor === undefined ? {} : { minor }),
    access: "rwm",
  };
}

/** Layout of glibc's dev_t (makedev(3)). */
function majorOf(device: bigint): number {
  return Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n));
}

function minorOf(device: bigint): number {
  return Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n));
}
