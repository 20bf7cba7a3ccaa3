/**
 * Image layers in block CIMs: their devices are attached to the VM, its guest mounts them as one volume. Containers of
 * the same image share it.
 */
import { randomUUID } from "node:crypto";
import { addBlockCims, removeBlockCims } from "../../../hcs/guest/modify.ts";
import type { BlockCim, BlockCimLayers } from "../../../oci/windows/layers.ts";
import type { ScsiDisks, ScsiReservation } from "../vm/devices/scsi.ts";
import { SharedDevice, type Reservation } from "../vm/devices/shared-device.ts";
import type { UvmView } from "../vm/uvm.ts";

/** Flags of CimMountImage. */
const MOUNT_FLAGS: Readonly<Record<BlockCimLayers["block"], number>> = { device: 0x10, file: 0x20 };

export interface CimVolumeReservation {
  readonly part: Reservation;
  /** Lower-case GUID. */
  readonly volumeId: string;
}

interface Volume {
  readonly volumeId: string;
  readonly device: SharedDevice;
}

export class BlockCimVolumes {
  readonly #uvm: UvmView;
  readonly #disks: ScsiDisks;
  /** By the device of the first CIM. */
  readonly #volumes = new Map<string, Volume>();

  constructor(uvm: UvmView, disks: ScsiDisks) {
    this.#uvm = uvm;
    this.#disks = disks;
  }

  reserve(containerId: string, layers: BlockCimLayers): CimVolumeReservation {
    const cims = [...(layers.merged === undefined ? [] : [layers.merged]), ...layers.parents];
    const key = cims[0]?.blockPath ?? "";
    const volume = this.#volumes.get(key) ?? this.#add(key, containerId, cims, MOUNT_FLAGS[layers.block]);
    return { part: volume.device.reserve(), volumeId: volume.volumeId };
  }

  #add(key: string, containerId: string, cims: readonly BlockCim[], mountFlags: number): Volume {
    const volumeId = randomUUID();
    const attached: ScsiReservation[] = [];
    const device = new SharedDevice(
      `volume of CIMs "${key}"`,
      [
        { state: "reserved" },
        {
          state: "attached",
          up: async (signal) => {
            try {
              for (const cim of cims) attached.push(await this.#attach(cim, signal));
            } catch (error) {
              await detach(attached, signal);
              throw error;
            }
          },
          down: (signal) => detach(attached, signal),
        },
        {
          state: "mounted",
          up: (signal) => {
            const BlockCIMs = cims.map(({ name }, index) => ({
              CimName: name,
              Lun: attached[index]?.lun ?? 0,
            }));
            return this.#uvm.guest.modify(
              addBlockCims({
                BlockCIMs,
                VolumeGUID: volumeId,
                MountFlags: mountFlags,
                ContainerID: containerId,
              }),
              { signal },
            );
          },
          down: (signal) => this.#uvm.guest.modify(removeBlockCims(volumeId), { signal }),
        },
      ],
      () => this.#volumes.delete(key),
    );
    const volume = { volumeId, device };
    this.#volumes.set(key, volume);
    return volume;
  }

  async #attach(cim: BlockCim, signal: AbortSignal): Promise<ScsiReservation> {
    const disk = this.#disks.reserve({
      disk: { Type: "VirtualDisk", Path: cim.blockPath, ReadOnly: true },
      grantAccess: true,
    });
    await disk.acquire(signal);
    return disk;
  }
}

/** The last attached goes first; what could not go stays in the list. */
async function detach(attached: ScsiReservation[], signal: AbortSignal): Promise<void> {
  for (let last = attached.at(-1); last !== undefined; last = attached.at(-1)) {
    await last.release(signal);
    attached.pop();
  }
}
