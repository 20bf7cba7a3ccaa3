/** Services on Hyper-V sockets that a running VM is let in on. */
import type { HvSocketServiceConfig } from "../../../../hcs/schema/compute-system.ts";
import { hvSocketServicePath } from "../../../../hcs/schema/modify.ts";
import type { UvmView } from "../uvm.ts";

/** Adds a service to the VM's table, or replaces its entry. It stays until the VM ends. */
export async function allowService(
  uvm: UvmView,
  serviceId: string,
  config: HvSocketServiceConfig,
  signal: AbortSignal,
): Promise<void> {
  await uvm.system.modify(
    { ResourcePath: hvSocketServicePath(serviceId), RequestType: "Update", Settings: config },
    { signal },
  );
}
