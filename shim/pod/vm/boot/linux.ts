/** Booting a Linux guest: entropy for its kernel, its log, then the guest connection. */
import type { Duplex } from "node:stream";
import { acceptOne } from "../../../../hcs/guest/accept.ts";
import { serveEntropy } from "../../../../hcs/guest/entropy.ts";
import { readGuestLog } from "../../../../hcs/guest/log-channel.ts";
import { LINUX_GUEST_PORT, vsockServiceId } from "../../../../hcs/schema/hv-socket.ts";
import type { GuestBoot } from "./boot.ts";
import { BootListeners } from "./listeners.ts";

export function linuxBoot(): GuestBoot {
  return {
    os: "linux",
    prepare: async (vm, signal) => {
      const listeners = new BootListeners(vm, signal);
      const entropy = await listeners.open(vsockServiceId(LINUX_GUEST_PORT.entropy));
      const logs = await listeners.open(vsockServiceId(LINUX_GUEST_PORT.log));
      const guest = await listeners.open(vsockServiceId(LINUX_GUEST_PORT.bridge));
      return {
        accept: async (budget): Promise<Duplex> => {
          const options = { guest: vm.id, signal: budget };
          const [, log, bridge] = await Promise.all([
            serveEntropy(entropy, options),
            acceptOne(logs, options),
            acceptOne(guest, options),
          ]);
          void readGuestLog(log, { ...vm.guestLog, guest: vm.id });
          return bridge;
        },
        greet: () => Promise.resolve(),
        close: () => listeners.close(),
      };
    },
  };
}
