/** What a Linux VM has places for: disks, persistent memory, PCI devices and shares. One set for each VM. */
import type { Storage } from "../../../hcs/api.ts";
import { SCSI_CONTROLLERS } from "../../../oci/documents/linux-vm.ts";
import { ShareNames } from "../vm/devices/plan9.ts";
import { ScsiDisks } from "../vm/devices/scsi.ts";
import { PciDevices } from "../vm/devices/vpci.ts";
import { VpmemDevices } from "../vm/devices/vpmem.ts";
import type { UvmView } from "../vm/uvm.ts";
import type { LinuxVmPlan } from "./vm-plan.ts";

export interface LinuxVmDevices {
  readonly scsi: ScsiDisks;
  readonly vpmem: VpmemDevices;
  readonly pci: PciDevices;
  readonly shareNames: ShareNames;
  /** Disks of the host whose drivers the VM has loaded. */
  readonly drivers: Set<string>;
}

/** @param build Windows build of the host */
export function linuxVmDevices(
  uvm: UvmView,
  { document, options, bootDevices }: LinuxVmPlan,
  storage: Storage,
  build: number,
): LinuxVmDevices {
  const devices = document.VirtualMachine?.Devices;
  const controllers = SCSI_CONTROLLERS.flatMap((id) => {
    const controller = devices?.Scsi?.[id];
    return controller === undefined ? [] : [[id, controller] as const];
  });
  return {
    scsi: new ScsiDisks({ uvm, guestOs: "linux", storage, controllers }),
    vpmem: new VpmemDevices({
      uvm,
      count: options.physicallyBacked ? 0 : (devices?.VirtualPMem?.MaximumCount ?? 0),
      sizeBytes: options.vpmemSizeBytes,
      multiMapping: options.vpmemMultiMapping,
      bootsFromFirst: devices?.VirtualPMem?.Devices !== undefined,
    }),
    pci: new PciDevices({ uvm, build, bootDevices }),
    shareNames: new ShareNames(),
    drivers: new Set(),
  };
}
