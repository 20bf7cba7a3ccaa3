/** Named pipes of the host in a Windows VM. */
import { isNotFound } from "../../../../hcs/hresult.ts";
import { mappedPipePath } from "../../../../hcs/schema/modify.ts";
import type { UvmView } from "../uvm.ts";
import { SharedDevice, type Reservation } from "./shared-device.ts";

/** The pipes of one VM: each is mapped once, however many containers use it. */
export class MappedPipes {
  readonly #uvm: UvmView;
  readonly #pipes = new Map<string, SharedDevice>();

  constructor(uvm: UvmView) {
    this.#uvm = uvm;
  }

  /** @param hostPath `\\.\pipe\…` */
  reserve(hostPath: string): Reservation {
    const device = this.#pipes.get(hostPath) ?? this.#add(hostPath);
    return device.reserve();
  }

  #add(hostPath: string): SharedDevice {
    const ResourcePath = mappedPipePath(hostPath);
    const { system } = this.#uvm;
    const device = new SharedDevice(
      `pipe "${hostPath}"`,
      [
        { state: "reserved" },
        {
          state: "mapped",
          up: (signal) => system.modify({ ResourcePath, RequestType: "Add" }, { signal }),
          down: async (signal) => {
            try {
              await system.modify({ ResourcePath, RequestType: "Remove" }, { signal });
            } catch (error) {
              if (!isNotFound(error)) throw error;
            }
          },
        },
      ],
      () => this.#pipes.delete(hostPath),
    );
    this.#pipes.set(hostPath, device);
    return device;
  }
}
