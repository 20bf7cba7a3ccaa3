/** One network adapter of a VM: added by the host, made known to the guest, undone in reverse. Both parts or none. */
import type { NetworkEndpoint } from "../../../hcs/api.ts";
import type { GuestResourceRequest } from "../../../hcs/guest/resources.ts";
import { isNotFound } from "../../../hcs/hresult.ts";
import { networkAdapterPath } from "../../../hcs/schema/modify.ts";
import type { Holdings } from "../../resources/holdings.ts";
import { unlessGone, type UvmView } from "./uvm.ts";

/** What the guest is told; each kind of guest has words of its own. */
export interface GuestRequests {
  /** Before the host adds the adapter. */
  readonly announce?: GuestResourceRequest<"Network">;
  readonly add: GuestResourceRequest<"Network">;
  readonly remove: GuestResourceRequest<"Network">;
}

export interface AdapterRequest {
  /** Lower-case GUID, chosen by the caller. */
  readonly nic: string;
  readonly endpoint: NetworkEndpoint;
  /** Not sent to guests that cannot add networks. */
  readonly guest: GuestRequests;
}

/** Adds the adapter; it is taken out again when `holdings` are released. */
export async function holdAdapter(
  uvm: UvmView,
  holdings: Holdings,
  { nic, endpoint, guest }: AdapterRequest,
  signal: AbortSignal,
): Promise<void> {
  const ResourcePath = networkAdapterPath(nic);
  const Settings = { EndpointId: endpoint.id, MacAddress: endpoint.macAddress };
  const tellGuest = async (
    request: GuestResourceRequest<"Network"> | undefined,
    budget: AbortSignal,
  ): Promise<void> => {
    if (request !== undefined && uvm.guest.canAddNetwork) await uvm.guest.modify(request, { signal: budget });
  };
  const removeFromVm = async (budget: AbortSignal): Promise<void> => {
    try {
      await uvm.system.modify({ ResourcePath, RequestType: "Remove", Settings }, { signal: budget });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };
  await holdings.acquire(
    { kind: "nic", key: `nic:${uvm.id}/${nic}`, data: { vm: uvm.id, nic, endpoint: endpoint.id } },
    async () => {
      await tellGuest(guest.announce, signal);
      await uvm.system.modify({ ResourcePath, RequestType: "Add", Settings }, { signal });
      try {
        await tellGuest(guest.add, signal);
      } catch (error) {
        await removeFromVm(signal);
        throw error;
      }
    },
    (budget) =>
      unlessGone(uvm, async () => {
        await tellGuest(guest.remove, budget);
        await removeFromVm(budget);
      }),
  );
}
