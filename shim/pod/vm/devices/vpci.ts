/** Devices of the host that a VM is given whole. The same device is given once, however many containers use it. */
import { randomUUID } from "node:crypto";
import { addVPCIDevice } from "../../../../hcs/guest/modify.ts";
import { isNotFound } from "../../../../hcs/hresult.ts";
import { virtualPciPath } from "../../../../hcs/schema/modify.ts";
import { deviceKey, virtualPciDevice, type AssignedDevice } from "../../../../oci/vpci.ts";
import type { UvmView } from "../uvm.ts";
import { SharedDevice, type Reservation, type ReservationState } from "./shared-device.ts";

export interface PciReservation extends Reservation {
  /** How the guest knows the device: a lower-case GUID. */
  readonly vmBusId: string;
}

interface Given {
  readonly vmBusId: string;
  readonly device: SharedDevice;
}

export interface PciDevicesInit {
  readonly uvm: UvmView;
  /** Windows build of the host. */
  readonly build: number;
  /** What the VM has from its start and keeps. */
  readonly bootDevices: readonly { readonly vmBusId: string; readonly device: AssignedDevice }[];
}

/** The PCI devices of one VM. */
export class PciDevices {
  readonly #init: PciDevicesInit;
  readonly #given = new Map<string, Given>();

  constructor(init: PciDevicesInit) {
    this.#init = init;
    for (const { vmBusId, device } of init.bootDevices) {
      const given = new SharedDevice(`device "${device.id}"`, [{ state: "given" }], () => undefined);
      // The VM itself is a user that never leaves.
      given.reserve();
      this.#given.set(deviceKey(device), { vmBusId, device: given });
    }
  }

  /** Finds the device in the VM, or reserves an address for it. No I/O. */
  reserve(device: AssignedDevice): PciReservation {
    const { vmBusId, device: shared } = this.#given.get(deviceKey(device)) ?? this.#give(device);
    const part = shared.reserve();
    return {
      vmBusId,
      get state(): ReservationState {
        return part.state;
      },
      acquire: (signal) => part.acquire(signal),
      release: (signal) => part.release(signal),
    };
  }

  #give(device: AssignedDevice): Given {
    const { uvm, build } = this.#init;
    const vmBusId = randomUUID();
    const key = deviceKey(device);
    const ResourcePath = virtualPciPath(vmBusId);
    const shared = new SharedDevice(
      `device "${device.id}"`,
      [
        { state: "reserved" },
        {
          state: "given",
          up: (signal) =>
            uvm.system.modify(
              { ResourcePath, RequestType: "Add", Settings: virtualPciDevice(device, build) },
              { signal },
            ),
          down: async (signal) => {
            try {
              await uvm.system.modify({ ResourcePath, RequestType: "Remove" }, { signal });
            } catch (error) {
              if (!isNotFound(error)) throw error;
            }
          },
        },
        // A Linux guest waits for the device to appear; that it goes, it sees for itself.
        ...(uvm.guest.os === "windows"
          ? []
          : [
              {
                state: "found",
                up: (signal: AbortSignal) =>
                  uvm.guest.modify(addVPCIDevice({ VMBusGUID: vmBusId }), { signal }),
              },
            ]),
      ],
      () => this.#given.delete(key),
    );
    const given = { vmBusId, device: shared };
    this.#given.set(key, given);
    return given;
  }
}
