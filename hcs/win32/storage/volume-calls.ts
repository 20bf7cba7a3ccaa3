/** Volumes and disks, as calls that block: CIMs, union file systems, mount points, virtual disks. */
import { win32 } from "node:path";
import { stringifyJson } from "../../json.ts";
import type { LayerData } from "../../schema/layers.ts";
import { Lane } from "../ffi/lane.ts";
import { lastErrorFailure } from "../ffi/last-error.ts";
import { CIMFS } from "../ffi/libraries/cimfs.ts";
import { COMPUTESTORAGE } from "../ffi/libraries/computestorage.ts";
import { KERNEL32 } from "../ffi/libraries/kernel32.ts";
import { KERNEL32_FILES } from "../ffi/libraries/kernel32-files.ts";
import { VIRTDISK } from "../ffi/libraries/virtdisk.ts";
import { Library } from "../ffi/library.ts";
import { requireSuccess, win32Failure, type Attempt } from "../ffi/result.ts";
import { arrayOf, Structure } from "../ffi/structure.ts";
import { out } from "../ffi/types.ts";
import { guidToBytes } from "../guid.ts";

const lane = new Lane("volumes", 1);
const cimfs = new Library(CIMFS, lane);
const computestorage = new Library(COMPUTESTORAGE, lane);
const kernel32 = new Library(KERNEL32, lane);
const files = new Library(KERNEL32_FILES, lane);
const virtdisk = new Library(VIRTDISK, lane);

/** Values of OpenVirtualDisk and SetVirtualDiskInformation (virtdisk.h). */
const OPEN_VIRTUAL_DISK_VERSION_2 = 2;
const VIRTUAL_DISK_ACCESS_NONE = 0;
const OPEN_VIRTUAL_DISK_FLAG_NONE = 0;
const SET_VIRTUAL_DISK_INFO_IDENTIFIER = 2;

export const VOLUME_CALLS = {
  attachOverlayFilter(volumePath: string, layerData: LayerData): void {
    requireSuccess(computestorage.call("HcsAttachOverlayFilter", volumePath, stringifyJson(layerData)), {
      operation: "attach overlay filter to",
      target: volumePath,
    });
  },

  detachOverlayFilter(volumePath: string, layerData: LayerData): void {
    requireSuccess(computestorage.call("HcsDetachOverlayFilter", volumePath, stringifyJson(layerData)), {
      operation: "detach overlay filter from",
      target: volumePath,
    });
  },

  mountCim(cim: string, flags: number, volumeId: string): void {
    requireSuccess(
      cimfs.call("CimMountImage", win32.dirname(cim), win32.basename(cim), flags, guidToBytes(volumeId)),
      { operation: "mount CIM", target: cim },
    );
  },

  mountMergedCims(cims: readonly string[], flags: number, volumeId: string): void {
    requireSuccess(
      cimfs.call("CimMergeMountImage", cims.length, imagePaths(cims), flags, guidToBytes(volumeId)),
      { operation: "mount merged CIM", target: cims[0] ?? "" },
    );
  },

  /** @param volumePath `\\?\Volume{…}\` */
  dismountCim(volumePath: string): void {
    const volumeId = /\{([^}]*)\}/.exec(volumePath)?.[1] ?? volumePath;
    requireSuccess(cimfs.call("CimDismountImage", guidToBytes(volumeId)), {
      operation: "dismount CIM",
      target: volumePath,
    });
  },

  setVirtualDiskIdentifier(path: string, id: string): void {
    const attempt = { operation: "set identifier of virtual disk", target: path };
    const handle = out();
    // VIRTUAL_STORAGE_TYPE of zeros: the disk itself says what it is. OPEN_VIRTUAL_DISK_PARAMETERS: version 0, then zeros, which
    // means to be written to.
    requireNoError(
      virtdisk.call(
        "OpenVirtualDisk",
        new Structure(20).bytes,
        path,
        VIRTUAL_DISK_ACCESS_NONE,
        OPEN_VIRTUAL_DISK_FLAG_NONE,
        new Structure(28).u32(0, OPEN_VIRTUAL_DISK_VERSION_2).bytes,
        handle,
      ),
      attempt,
    );
    try {
      // SET_VIRTUAL_DISK_INFO: version 0, and a union that holds pointers: GUID UniqueIdentifier 8.
      const info = new Structure(32).u32(0, SET_VIRTUAL_DISK_INFO_IDENTIFIER).guid(8, id);
      requireNoError(virtdisk.call("SetVirtualDiskInformation", handle[0], info.bytes), attempt);
    } finally {
      kernel32.call("CloseHandle", handle[0]);
    }
  },

  setVolumeMountPoint(directory: string, volumePath: string): void {
    if (files.call("SetVolumeMountPointW", directory, volumePath) === 0)
      throw lastErrorFailure({ operation: `mount volume ${volumePath} at`, target: directory });
  },

  deleteVolumeMountPoint(directory: string): void {
    if (files.call("DeleteVolumeMountPointW", directory) === 0)
      throw lastErrorFailure({ operation: "remove mount point", target: directory });
  },
} as const;

export type VolumeCalls = typeof VOLUME_CALLS;

/** CIMFS_IMAGE_PATH[]: PCWSTR ImageDir 0, PCWSTR ImageName 8. */
function imagePaths(cims: readonly string[]): Buffer {
  return arrayOf(
    cims.map((cim) => new Structure(16).text(0, win32.dirname(cim)).text(8, win32.basename(cim))),
  );
}

function requireNoError(error: number, attempt: Attempt): void {
  if (error !== 0) throw win32Failure(error, attempt);
}
