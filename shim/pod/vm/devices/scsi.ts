/**
 * Disks of a VM on its emulated SCSI controllers, for both kinds of guest: attached by the host, then mounted by the
 * guest. The same disk is attached once and mounted once per way of mounting it, however many containers use it.
 */
import type { Storage } from "../../../../hcs/api.ts";
import {
  addMappedVirtualDisk,
  addWindowsMappedVirtualDisk,
  addWindowsScratchDisk,
  removeMappedVirtualDisk,
  removeScsiDevice,
  removeWindowsMappedVirtualDisk,
  SCSI_LUNS,
} from "../../../../hcs/guest/modify.ts";
import type { GuestResourceRequest } from "../../../../hcs/guest/resources.ts";
import { isNotFound } from "../../../../hcs/hresult.ts";
import type { ScsiAttachment, ScsiController } from "../../../../hcs/schema/compute-system.ts";
import { scsiAttachmentPath } from "../../../../hcs/schema/modify.ts";
import { asError, ShimError } from "../../../errors.ts";
import type { UvmView } from "../uvm.ts";
import { SharedDevice, type Reservation, type ReservationState, type Rung } from "./shared-device.ts";

/** How a guest is to mount a disk. A Windows guest takes a path and nothing else. */
export interface ScsiMount {
  /** Where; by default a directory of the VM's own. A disk that is mounted in the same way already stays where it is. */
  readonly path?: string;
  readonly readOnly?: boolean;
  /** Linux: 0 or absent is the whole disk. */
  readonly partition?: number;
  readonly encrypted?: boolean;
  /** Linux: a link to the block device instead of a mount. */
  readonly blockDevice?: boolean;
  readonly options?: readonly string[];
  /** Linux: format the disk with this file system, unless it has it. */
  readonly ensureFilesystem?: string;
  /** Windows: the disk is the scratch of a confidential container, which the guest formats itself. */
  readonly confidentialScratch?: boolean;
}

export interface ScsiRequest {
  readonly disk: ScsiAttachment;
  /** Absent: the disk is attached only. */
  readonly mount?: ScsiMount;
  /** The VM has to be given access to the file first; layers carry that access already. */
  readonly grantAccess?: boolean;
}

export interface ScsiReservation extends Reservation {
  readonly controller: number;
  readonly lun: number;
  /** Where the guest has it; empty for a disk that is attached only. */
  readonly guestPath: string;
}

interface Slot {
  readonly controller: number;
  readonly lun: number;
}

interface Attached extends Slot {
  readonly disk: ScsiAttachment;
  readonly device: SharedDevice;
}

interface Mounted {
  readonly attached: Attached;
  readonly mount: ScsiMount;
  readonly path: string;
  readonly device: SharedDevice;
}

export interface ScsiDisksInit {
  readonly uvm: UvmView;
  readonly guestOs: "linux" | "windows";
  readonly storage: Pick<Storage, "grantVmAccess">;
  /** `Devices.Scsi` of the VM's document: its controllers in order of their numbers, with what they boot from. */
  readonly controllers: readonly (readonly [id: string, controller: ScsiController])[];
}

const MOUNT_DIRECTORY: Readonly<Record<ScsiDisksInit["guestOs"], string>> = {
  linux: "/run/mounts/scsi/m",
  windows: "c:\\mounts\\scsi\\m",
};

/** The disks of one VM. */
export class ScsiDisks {
  readonly #init: ScsiDisksInit;
  /** By `controller:lun`; what the VM boots from is in a slot that nobody shares. */
  readonly #slots = new Map<string, Attached | "reserved">();
  /** By the number in their default path, which a mount with a path of its own uses up as well. */
  readonly #mounts = new Map<number, Mounted>();

  constructor(init: ScsiDisksInit) {
    this.#init = init;
    for (const [controller, [, { Attachments }]] of init.controllers.entries()) {
      for (const lun of Object.keys(Attachments ?? {})) this.#slots.set(`${controller}:${lun}`, "reserved");
    }
  }

  /**
   * Finds a disk that fits, or reserves a free slot. No I/O.
   *
   * @throws {ShimError} DEVICE_UNAVAILABLE when all slots are taken, or another disk is mounted at the path
   */
  reserve({ disk, mount, grantAccess = false }: ScsiRequest): ScsiReservation {
    const attached = this.#findAttached(disk) ?? this.#attach(disk, grantAccess);
    if (mount === undefined) return reservation(attached, "", attached.device.reserve());
    const mounted = this.#findMounted(attached, mount) ?? this.#mount(attached, mount);
    return reservation(attached, mounted.path, mounted.device.reserve());
  }

  #findAttached(disk: ScsiAttachment): Attached | undefined {
    return [...this.#slots.values()]
      .filter((slot) => slot !== "reserved")
      .find((slot) => attachmentKey(slot.disk) === attachmentKey(disk));
  }

  #attach(disk: ScsiAttachment, grantAccess: boolean): Attached {
    const slot = this.#freeSlot();
    const key = `${slot.controller}:${slot.lun}`;
    const device = new SharedDevice(
      `disk "${disk.Path}"`,
      this.#attachmentRungs(slot, disk, grantAccess),
      () => this.#slots.delete(key),
    );
    const attached = { ...slot, disk, device };
    this.#slots.set(key, attached);
    return attached;
  }

  #freeSlot(): Slot {
    const { controllers, uvm } = this.#init;
    for (const controller of controllers.keys()) {
      for (let lun = 0; lun < SCSI_LUNS; lun++) {
        if (!this.#slots.has(`${controller}:${lun}`)) return { controller, lun };
      }
    }
    throw new ShimError(
      "DEVICE_UNAVAILABLE",
      `cannot attach a disk to VM "${uvm.id}": all ${controllers.length * SCSI_LUNS} places on its SCSI controllers are taken`,
    );
  }

  /** The slot is free again only after the host has detached the disk: {@link #attach} reserves it, nobody else. */
  #attachmentRungs({ controller, lun }: Slot, disk: ScsiAttachment, grantAccess: boolean): Rung[] {
    const { uvm, storage, guestOs } = this.#init;
    const ResourcePath = scsiAttachmentPath(this.#init.controllers[controller]?.[0] ?? "", lun);
    const attached: Rung = {
      state: "attached",
      up: async (signal) => {
        if (grantAccess) await storage.grantVmAccess(uvm.id, disk.Path, { signal });
        await uvm.system.modify({ ResourcePath, RequestType: "Add", Settings: disk }, { signal });
      },
      down: async (signal) => {
        try {
          await uvm.system.modify({ ResourcePath, RequestType: "Remove" }, { signal });
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      },
    };
    // A Linux kernel lets go of a disk when it is asked to; Windows sees for itself that it goes.
    const plugged: Rung = {
      state: "plugged",
      down: (signal) => uvm.guest.modify(removeScsiDevice({ Controller: controller, Lun: lun }), { signal }),
    };
    return [{ state: "reserved" }, attached, ...(guestOs === "linux" ? [plugged] : [])];
  }

  #findMounted(attached: Attached, mount: ScsiMount): Mounted | undefined {
    return [...this.#mounts.values()].find(
      (other) => other.attached === attached && mountKey(other.mount) === mountKey(mount),
    );
  }

  #mount(attached: Attached, mount: ScsiMount): Mounted {
    const index = this.#freeIndex();
    const path = mount.path ?? `${MOUNT_DIRECTORY[this.#init.guestOs]}${index}`;
    const other = [...this.#mounts.values()].find((mounted) => mounted.path === path);
    if (other !== undefined) {
      this.#abandon(attached);
      throw new ShimError(
        "DEVICE_UNAVAILABLE",
        `cannot mount disk "${attached.disk.Path}" in VM "${this.#init.uvm.id}": disk "${other.attached.disk.Path}" is mounted at "${path}"`,
      );
    }
    const device = new SharedDevice(
      `mount "${path}" of disk "${attached.disk.Path}"`,
      this.#mountRungs(attached, mount, path),
      () => this.#mounts.delete(index),
    );
    const mounted = { attached, mount, path, device };
    this.#mounts.set(index, mounted);
    return mounted;
  }

  /** A slot that was taken for a mount that cannot be. */
  #abandon({ controller, lun, device }: Attached): void {
    if (device.users === 0 && device.state === "reserved") this.#slots.delete(`${controller}:${lun}`);
  }

  #freeIndex(): number {
    for (let index = 0; ; index++) if (!this.#mounts.has(index)) return index;
  }

  /** A mount is a user of its disk from the moment it is reserved. */
  #mountRungs(attached: Attached, mount: ScsiMount, path: string): Rung[] {
    const { uvm } = this.#init;
    const disk = attached.device.reserve();
    let failure: Error | undefined;
    const { add, remove } = this.#guestRequests(attached, mount, path);
    return [
      { state: "reserved", down: (signal) => disk.release(signal) },
      {
        state: "attached",
        up: async (signal) => {
          // Whoever waited for the disk learns what the first one did: it may be in use elsewhere by now.
          if (failure !== undefined) throw failure;
          try {
            await disk.acquire(signal);
          } catch (error) {
            failure = asError(error);
            throw error;
          }
        },
      },
      {
        state: "mounted",
        up: (signal) => uvm.guest.modify(add, { signal }),
        down: (signal) => uvm.guest.modify(remove, { signal }),
      },
    ];
  }

  #guestRequests(
    { controller, lun }: Slot,
    mount: ScsiMount,
    path: string,
  ): { add: GuestResourceRequest; remove: GuestResourceRequest } {
    if (this.#init.guestOs === "windows") {
      const disk = { ContainerPath: path, Lun: lun };
      return {
        add:
          mount.confidentialScratch === true
            ? addWindowsScratchDisk(disk)
            : addWindowsMappedVirtualDisk(disk),
        remove: removeWindowsMappedVirtualDisk(disk),
      };
    }
    const disk = {
      MountPath: path,
      Controller: controller,
      Lun: lun,
      Partition: mount.partition ?? 0,
      ReadOnly: mount.readOnly ?? false,
      Encrypted: mount.encrypted ?? false,
      Options: [...(mount.options ?? [])],
      BlockDev: mount.blockDevice ?? false,
      ...(mount.ensureFilesystem === undefined
        ? {}
        : { EnsureFilesystem: true, Filesystem: mount.ensureFilesystem }),
    };
    return { add: addMappedVirtualDisk(disk), remove: removeMappedVirtualDisk(disk) };
  }
}

function reservation({ controller, lun }: Slot, guestPath: string, part: Reservation): ScsiReservation {
  return {
    controller,
    lun,
    guestPath,
    get state(): ReservationState {
      return part.state;
    },
    acquire: (signal) => part.acquire(signal),
    release: (signal) => part.release(signal),
  };
}

function attachmentKey({ Path, Type, ReadOnly, ExtensibleVirtualDiskType }: ScsiAttachment): string {
  return JSON.stringify([Path, Type, ReadOnly ?? false, ExtensibleVirtualDiskType ?? ""]);
}

/** Mounts that differ in nothing but the path they ask for are one: that is how containers share a scratch disk. */
function mountKey(mount: ScsiMount): string {
  const { readOnly, partition, encrypted, blockDevice, options, ensureFilesystem, confidentialScratch } =
    mount;
  return JSON.stringify([
    readOnly ?? false,
    partition ?? 0,
    encrypted ?? false,
    blockDevice ?? false,
    [...(options ?? [])].sort(),
    ensureFilesystem ?? "",
    confidentialScratch ?? false,
  ]);
}
