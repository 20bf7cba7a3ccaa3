/** A pod's network inside its Windows VM: its guest is told of the namespace, then of each adapter before and after. */
import { randomUUID } from "node:crypto";
import type { Network, NetworkEndpoint, NetworkNamespace } from "../../../hcs/api.ts";
import type { HcnEndpoint, HcnNamespace } from "../../../hcs/schema/hcn.ts";
import {
  addNetworkNamespace,
  addWindowsNetworkAdapter,
  preAddWindowsNetworkAdapter,
  removeNetworkNamespace,
  removeWindowsNetworkAdapter,
} from "../../../hcs/guest/modify.ts";
import { isNotFound } from "../../../hcs/hresult.ts";
import { withoutZero } from "../../../oci/documents/omit.ts";
import { ShimError } from "../../errors.ts";
import type { Holdings } from "../../resources/holdings.ts";
import { holdAdapter, type GuestRequests } from "./adapter.ts";
import { primaryFirst } from "./network.ts";
import { unlessGone, type UvmView } from "./uvm.ts";

/** @param reference see {@link Network.openNamespace} @returns the namespace, which containers join by its id */
export async function addWindowsNetwork(
  uvm: UvmView,
  network: Network,
  holdings: Holdings,
  reference: string,
  signal: AbortSignal,
): Promise<NetworkNamespace> {
  const namespace = await network.openNamespace(reference, { signal });
  await addNamespace(uvm, network, holdings, { reference, document: namespaceDocument(namespace) }, signal);
  for (const endpoint of primaryFirst(namespace.endpoints)) await addAdapter(uvm, holdings, endpoint, signal);
  return namespace;
}

async function addNamespace(
  uvm: UvmView,
  network: Network,
  holdings: Holdings,
  { reference, document }: { readonly reference: string; readonly document: HcnNamespace },
  signal: AbortSignal,
): Promise<void> {
  if (!uvm.guest.canAddNetwork) return;
  await holdings.acquire(
    { kind: "namespace", key: `namespace:${uvm.id}/${reference}`, data: { vm: uvm.id, id: reference } },
    () => uvm.guest.modify(addNetworkNamespace(document), { signal }),
    (budget) =>
      unlessGone(uvm, async () => {
        const present = await presentDocument(network, reference, document, budget);
        await uvm.guest.modify(removeNetworkNamespace(present), { signal: budget });
      }),
  );
}

/** As it is now; its client may have removed it meanwhile, and the guest is still to forget it. */
async function presentDocument(
  network: Network,
  reference: string,
  known: HcnNamespace,
  signal: AbortSignal,
): Promise<HcnNamespace> {
  try {
    return namespaceDocument(await network.openNamespace(reference, { signal }));
  } catch (error) {
    if (isNotFound(error)) return known;
    throw error;
  }
}

function addAdapter(
  uvm: UvmView,
  holdings: Holdings,
  endpoint: NetworkEndpoint,
  signal: AbortSignal,
): Promise<void> {
  const nic = randomUUID();
  const guest: GuestRequests = {
    announce: preAddWindowsNetworkAdapter(nic, endpointDocument(endpoint)),
    add: addWindowsNetworkAdapter(nic),
    remove: removeWindowsNetworkAdapter(nic),
  };
  return holdAdapter(uvm, holdings, { nic, endpoint, guest }, signal);
}

/** What a Windows guest is told is HCN's own description, as far as the guest reads it. */
function endpointDocument(endpoint: NetworkEndpoint): HcnEndpoint {
  const { Dns, Health, SchemaVersion, ...rest } = pick(documentOf(endpoint), ENDPOINT_MEMBERS);
  return {
    ...rest,
    Dns: Dns ?? {},
    Health: Health ?? { Extra: {} },
    SchemaVersion: SchemaVersion ?? NO_VERSION,
  };
}

function namespaceDocument(namespace: NetworkNamespace): HcnNamespace {
  const { SchemaVersion, ...rest } = pick(documentOf(namespace), NAMESPACE_MEMBERS);
  return { ...rest, SchemaVersion: SchemaVersion ?? NO_VERSION };
}

const NO_VERSION = { Major: 0, Minor: 0 };
const NAMESPACE_MEMBERS = ["ID", "NamespaceId", "Type", "Resources", "SchemaVersion"] as const;
const ENDPOINT_MEMBERS = [
  "ID",
  "Name",
  "HostComputeNetwork",
  "HostComputeNamespace",
  "Policies",
  "IpConfigurations",
  "Dns",
  "Routes",
  "MacAddress",
  "Flags",
  "Health",
  "SchemaVersion",
] as const;

/** Only these members, and only where they say something. */
function pick<T extends object, Name extends keyof T>(document: T, names: readonly Name[]): Pick<T, Name> {
  const members: object = withoutZero(Object.fromEntries(names.map((name) => [name, document[name]])));
  return members as Pick<T, Name>;
}

function documentOf<T>({ id, document }: { readonly id: string; readonly document?: T }): T {
  if (document !== undefined) return document;
  throw new ShimError(
    "HOST_UNFIT",
    `cannot give network object "${id}" to a Windows VM: this host has no compute network to describe it`,
  );
}
