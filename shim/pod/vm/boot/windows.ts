/** Booting a Windows guest: the guest connection, then what the guest has to be told, and its log. */
import type { HvSocketListener } from "../../../../hcs/api.ts";
import { acceptOne, closeListener } from "../../../../hcs/guest/accept.ts";
import { UTC_TIME_ZONE, type GuestConnection } from "../../../../hcs/guest/connection.ts";
import { readGuestLog } from "../../../../hcs/guest/log-channel.ts";
import { addSecurityPolicy, updateHvSocket } from "../../../../hcs/guest/modify.ts";
import { NULL_CONTAINER_ID, type LogForwardServiceSettings } from "../../../../hcs/guest/protocol.ts";
import type { SecurityPolicy } from "../../../../hcs/guest/resources.ts";
import { VM_ID, WINDOWS_GUEST_SERVICE } from "../../../../hcs/schema/hv-socket.ts";
import type { TimeZoneInformation } from "../../../../hcs/schema/time-zone.ts";
import type { BootingVm, GuestBoot, PreparedBoot } from "./boot.ts";
import { BootListeners } from "./listeners.ts";

export interface WindowsBootInit {
  /** The host's; undefined gives the guest UTC. */
  readonly timeZone: TimeZoneInformation | undefined;
  /** Base64 of the log sources, when the guest is to forward its log. */
  readonly logSources: string | undefined;
  /** For a confidential VM, whose guest is reached by way of its sidecar. */
  readonly securityPolicy: SecurityPolicy | undefined;
}

export function windowsBoot(init: WindowsBootInit): GuestBoot {
  return {
    os: "windows",
    timeZone: init.timeZone ?? UTC_TIME_ZONE,
    prepare: async (vm, signal) => {
      const { bridge, sidecarBridge, log } = WINDOWS_GUEST_SERVICE;
      const listeners = new BootListeners(vm, signal);
      const logs = init.logSources === undefined ? undefined : await listeners.open(log);
      const guest = await listeners.open(init.securityPolicy === undefined ? bridge : sidecarBridge);
      const boot = new WindowsBoot(init, vm, listeners, guest);
      if (logs !== undefined) void boot.acceptLogs(logs);
      return boot;
    },
  };
}

class WindowsBoot implements PreparedBoot {
  readonly #init: WindowsBootInit;
  readonly #vm: BootingVm;
  readonly #listeners: BootListeners;
  readonly #bridge: HvSocketListener;
  #closed = false;

  constructor(init: WindowsBootInit, vm: BootingVm, listeners: BootListeners, bridge: HvSocketListener) {
    this.#init = init;
    this.#vm = vm;
    this.#listeners = listeners;
    this.#bridge = bridge;
  }

  accept(signal: AbortSignal): ReturnType<typeof acceptOne> {
    return acceptOne(this.#bridge, { guest: this.#vm.id, signal });
  }

  async greet(guest: GuestConnection, signal: AbortSignal): Promise<void> {
    const addresses = { LocalAddress: this.#vm.runtimeId, ParentAddress: VM_ID.windowsParent };
    await guest.modify(updateHvSocket(addresses), { signal });
    const { securityPolicy } = this.#init;
    // Before anything is mounted: from here on the guest asks its policy.
    if (securityPolicy !== undefined) await guest.modify(addSecurityPolicy(securityPolicy), { signal });
    await this.#forwardLogs(guest, signal);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#listeners.close();
  }

  /** A guest that cannot forward its log is as good as others, unless its VM is confidential. */
  async #forwardLogs(guest: GuestConnection, signal: AbortSignal): Promise<void> {
    const { logSources, securityPolicy } = this.#init;
    if (logSources === undefined) return;
    if (guest.capabilities.GuestDefinedCapabilities?.LogForwardingSupported !== true) return;
    const configure = async (Settings: LogForwardServiceSettings): Promise<void> => {
      const body = { ContainerId: NULL_CONTAINER_ID, PropertyType: "LogForwardService" as const, Settings };
      await guest.request("ModifyServiceSettings", body, { signal });
    };
    try {
      await configure({ RPCType: "ModifyServiceSettings", Settings: logSources });
      await configure({ RPCType: "StartLogForwarding" });
    } catch (error) {
      if (securityPolicy !== undefined) throw error;
      this.#vm.report("the guest does not forward its log", error);
    }
  }

  /** The guest's log service dials when it has something to say, perhaps late, perhaps again; one at a time. */
  async acceptLogs(listener: HvSocketListener): Promise<void> {
    const { id, guestLog } = this.#vm;
    while (!this.#closed) {
      try {
        await readGuestLog(await listener.accept(), { ...guestLog, guest: id });
      } catch (error) {
        if (this.#closed) return;
        this.#vm.report("the guest's log is read no more", error);
        await closeListener(listener, id);
        return;
      }
    }
  }
}
