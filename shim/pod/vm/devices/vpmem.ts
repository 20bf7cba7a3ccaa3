/**
 * Persistent memory devices of a Linux VM: read-only layers as memory of the guest, one per device or several packed
 * on one. The same layer is there once, however many containers use it.
 */
import { addVPMemDevice, removeVPMemDevice } from "../../../../hcs/guest/modify.ts";
import type { VPMemDevice } from "../../../../hcs/guest/resources.ts";
import { isNotFound } from "../../../../hcs/hresult.ts";
import { vpmemDevicePath, vpmemMappingPath } from "../../../../hcs/schema/modify.ts";
import { IMAGE_FORMAT } from "../../../../oci/documents/linux-vm.ts";
import type { UvmView } from "../uvm.ts";
import { MemoryRegions, REGIONS_CAPACITY } from "./memory-regions.ts";
import { SharedDevice, type Reservation, type ReservationState } from "./shared-device.ts";

export interface VpmemInit {
  readonly uvm: UvmView;
  /** Devices the VM may have; 0 where it has none. */
  readonly count: number;
  /** Size of each device, where each holds one layer. */
  readonly sizeBytes: number;
  /** Layers are packed. */
  readonly multiMapping: boolean;
  /** Device 0 is what the VM boots from, and is never shared. */
  readonly bootsFromFirst: boolean;
}

export interface VpmemReservation extends Reservation {
  readonly guestPath: string;
}

interface Layer {
  readonly guestPath: string;
  readonly device: SharedDevice;
}

/** Where a layer goes: what the host and the guest are told, and how the place becomes free again. */
interface Place {
  readonly resourcePath: string;
  readonly settings: object;
  readonly guest: VPMemDevice & { readonly MountPath: string };
  free(): void;
}

interface PackedDevice {
  readonly regions: MemoryRegions;
  layers: number;
}

const PAGE = 4096;
const MOST_MAPPINGS = 1024;

/** The persistent memory of one VM. */
export class VpmemDevices {
  readonly #init: VpmemInit;
  /** By path on the host. */
  readonly #layers = new Map<string, Layer>();
  readonly #single = new Set<number>();
  readonly #packed = new Map<number, PackedDevice>();

  constructor(init: VpmemInit) {
    this.#init = init;
  }

  /** Finds the layer, or reserves a place for it. No I/O. @returns undefined when it fits nowhere */
  reserve(path: string, bytes: number): VpmemReservation | undefined {
    const layer = this.#layers.get(path) ?? this.#add(path, bytes);
    if (layer === undefined) return undefined;
    const part = layer.device.reserve();
    return {
      guestPath: layer.guestPath,
      get state(): ReservationState {
        return part.state;
      },
      acquire: (signal) => part.acquire(signal),
      release: (signal) => part.release(signal),
    };
  }

  #add(path: string, bytes: number): Layer | undefined {
    const { uvm, multiMapping } = this.#init;
    const place = multiMapping ? this.#pack(path, bytes) : this.#takeDevice(path, bytes);
    if (place === undefined) return undefined;
    const ResourcePath = place.resourcePath;
    const device = new SharedDevice(
      `layer "${path}"`,
      [
        { state: "reserved", down: async () => place.free() },
        {
          state: "attached",
          up: (signal) =>
            uvm.system.modify({ ResourcePath, RequestType: "Add", Settings: place.settings }, { signal }),
          down: async (signal) => {
            try {
              await uvm.system.modify({ ResourcePath, RequestType: "Remove" }, { signal });
            } catch (error) {
              if (!isNotFound(error)) throw error;
            }
          },
        },
        {
          state: "mounted",
          up: (signal) => uvm.guest.modify(addVPMemDevice(place.guest), { signal }),
          down: (signal) => uvm.guest.modify(removeVPMemDevice(place.guest), { signal }),
        },
      ],
      () => this.#layers.delete(path),
    );
    const layer = { guestPath: place.guest.MountPath, device };
    this.#layers.set(path, layer);
    return layer;
  }

  #takeDevice(path: string, bytes: number): Place | undefined {
    if (bytes > this.#init.sizeBytes) return undefined;
    const number = this.#numbers().find((each) => !this.#single.has(each));
    if (number === undefined) return undefined;
    this.#single.add(number);
    return {
      resourcePath: vpmemDevicePath(number),
      settings: { HostPath: path, ReadOnly: true, ImageFormat: IMAGE_FORMAT },
      guest: { DeviceNumber: number, MountPath: `/run/layers/p${number}` },
      free: () => void this.#single.delete(number),
    };
  }

  #pack(path: string, bytes: number): Place | undefined {
    const size = Math.ceil(bytes / PAGE) * PAGE;
    if (size > REGIONS_CAPACITY) return undefined;
    for (const number of this.#numbers()) {
      const device = this.#packed.get(number) ?? { regions: new MemoryRegions(), layers: 0 };
      const region = device.layers < MOST_MAPPINGS ? device.regions.take(size) : undefined;
      if (region === undefined) continue;
      device.layers++;
      this.#packed.set(number, device);
      const { offset } = region;
      return {
        resourcePath: vpmemMappingPath(number, offset),
        settings: { HostPath: path, ImageFormat: IMAGE_FORMAT },
        guest: {
          DeviceNumber: number,
          MountPath: `/run/layers/p${number}-${offset}-${size}`,
          MappingInfo: { DeviceOffsetInBytes: offset, DeviceSizeInBytes: size },
        },
        free: () => {
          device.regions.give(region);
          device.layers--;
        },
      };
    }
    return undefined;
  }

  #numbers(): number[] {
    const { count, bootsFromFirst } = this.#init;
    return Array.from({ length: count }, (_, number) => number).slice(bootsFromFirst ? 1 : 0);
  }
}
