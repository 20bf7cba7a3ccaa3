/** How things are released from outside on Linux, where compute systems are the emulator's. */
import { rm } from "node:fs/promises";
import { removeAccount } from "../../hcs/emulator/jobs/accounts.ts";
import { reclaimSystem } from "../../hcs/emulator/systems/reclaim.ts";
import { unmountByProgram, unmountTree } from "../../hcs/emulator/storage/unmount-tree.ts";
import { removeVolume, volumeDirectory, volumeIdOf } from "../../hcs/emulator/storage/volumes.ts";
import type { Reclaimers } from "./reclaim.ts";

export function linuxReclaimers(emulatorStateDirectory: string): Reclaimers {
  // What is part of a VM went with it, and the VM's own entry sees to that.
  const goneWithItsVm = (): Promise<void> => Promise.resolve();
  return {
    mount: ({ target }) => unmountTree(target, unmountByProgram),
    file: async ({ path }) => rm(path, { force: true }),
    vm: async ({ id }) => {
      await reclaimSystem(emulatorStateDirectory, id);
    },
    system: async ({ id }) => {
      await reclaimSystem(emulatorStateDirectory, id);
    },
    job: async ({ name }) => {
      await reclaimSystem(emulatorStateDirectory, name);
    },
    account: ({ name }) => Promise.resolve(removeAccount(emulatorStateDirectory, name)),
    layer: ({ path }) =>
      removeVolume(volumeDirectory(emulatorStateDirectory, volumeIdOf(path)), unmountByProgram),
    share: goneWithItsVm,
    layers: goneWithItsVm,
    nic: goneWithItsVm,
    namespace: goneWithItsVm,
    disk: goneWithItsVm,
    "combined-layers": goneWithItsVm,
    pipe: goneWithItsVm,
    device: goneWithItsVm,
    // Registered by a handle, which was closed with the process that had it.
    address: () => Promise.resolve(),
  };
}
