/**
 * Loop devices, which the kernel itself keeps the list of: one that belongs to a system is known by the path of its
 * image, which lies in the system's directory. So there is no moment at which a crash could leave one that nobody
 * knows. Needs no FFI package: what does is handed in by `disks.ts`.
 */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface LoopDevice {
  /** `/dev/loop3` */
  readonly device: string;
  /** Absolute path of the image, as mounts show it now. */
  readonly image: string;
}

const BLOCK_DEVICES = "/sys/block";

/** What the kernel appends to the path of a file that has been removed. */
const REMOVED = /(?: \(deleted\)|\/\/deleted)$/;

/** Loop devices that something is attached to. */
export function listLoopDevices(): LoopDevice[] {
  return readdirSync(BLOCK_DEVICES)
    .filter((name) => /^loop\d+$/.test(name))
    .flatMap((name) => {
      const image = readBackingFile(name);
      return image === undefined ? [] : [{ device: `/dev/${name}`, image }];
    });
}

function readBackingFile(name: string): string | undefined {
  try {
    const text = readFileSync(join(BLOCK_DEVICES, name, "loop/backing_file"), "utf8");
    return text.replace(/\n$/, "").replace(REMOVED, "");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Nothing is attached to it, or no longer.
    if (code === "ENOENT" || code === "ENXIO" || code === "ENODEV") return undefined;
    throw error;
  }
}

/** Detaches the loop devices whose images lie in `directory`; one that is in use goes with its last user. */
export async function detachLoopDevicesOf(directory: string): Promise<void> {
  for (const { device, image } of listLoopDevices()) {
    if (image.startsWith(`${directory}/`)) await detachByProgram(device, image);
  }
}

function detachByProgram(device: string, image: string): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile("losetup", ["--detach", device], (error, _, stderr) => {
      // Another process may have detached it meanwhile.
      if (error === null || !listLoopDevices().some((one) => one.device === device && one.image === image))
        resolve();
      else reject(new Error(`losetup --detach ${device}: ${stderr.trim() || error.message}`));
    });
  });
}
