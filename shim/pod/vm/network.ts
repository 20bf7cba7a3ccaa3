/**
 * A pod's network inside its VM: a network adapter for each endpoint of the namespace, first in the VM, then
 * configured by the guest.
 */
import { randomUUID } from "node:crypto";
import type { DnsSettings, Network, NetworkEndpoint, NetworkNamespace } from "../../../hcs/api.ts";
import { addNetworkAdapter, removeNetworkAdapter } from "../../../hcs/guest/modify.ts";
import type { LinuxNetworkAdapter } from "../../../hcs/guest/resources.ts";
import type { Holdings } from "../../resources/holdings.ts";
import type { CreateRequest } from "../request.ts";
import { holdAdapter, type GuestRequests } from "./adapter.ts";
import type { UvmView } from "./uvm.ts";

/** The network a pod brings. */
export interface PodNetwork {
  /** What names it on the host, see {@link Network.openNamespace}. */
  readonly reference: string;
  /** Replaces what its endpoints say. */
  readonly dns?: DnsSettings;
  /** A Linux guest routes by the address of each adapter. */
  readonly policyBasedRouting?: boolean;
}

/**
 * The network of a sandbox: on Windows the id of a compute network namespace, on Linux the path of a network namespace
 * that the client made. A namespace without a path is the container's own affair.
 */
export function podNetworkOf({ spec, dns }: CreateRequest): PodNetwork | undefined {
  const reference =
    spec.windows?.networkNamespace ?? spec.linux?.namespaces.find(({ type }) => type === "network")?.path;
  return reference === undefined ? undefined : { reference, ...(dns === undefined ? {} : { dns }) };
}

/** Gives the VM the network of its pod. @returns the namespace the containers of the pod join */
export async function addNetwork(
  uvm: UvmView,
  network: Network,
  holdings: Holdings,
  { reference, dns, policyBasedRouting = false }: PodNetwork,
  signal: AbortSignal,
): Promise<NetworkNamespace> {
  const namespace = await network.openNamespace(reference, { signal });
  for (const endpoint of primaryFirst(namespace.endpoints)) {
    const nic = inheritedNic(holdings, endpoint) ?? randomUUID();
    const described = guestAdapter(nic, namespace.id, { ...endpoint, dns: dns ?? endpoint.dns });
    const adapter = { ...described, PolicyBasedRouting: policyBasedRouting };
    await addAdapter(uvm, holdings, endpoint, adapter, signal);
  }
  return namespace;
}

/** The id that the endpoint's adapter has already, where an earlier process has added it. */
function inheritedNic({ inherited }: Holdings, endpoint: NetworkEndpoint): string | undefined {
  for (const { kind, data } of inherited)
    if (kind === "nic" && data.endpoint === endpoint.id) return data.nic;
  return undefined;
}

/** The guest names its interfaces in the order they arrive; eth0 is to be the first. */
export function primaryFirst(endpoints: readonly NetworkEndpoint[]): NetworkEndpoint[] {
  const rank = (endpoint: NetworkEndpoint): number => (endpoint.name.endsWith("eth0") ? 0 : 1);
  return [...endpoints].sort((a, b) => rank(a) - rank(b));
}

function addAdapter(
  uvm: UvmView,
  holdings: Holdings,
  endpoint: NetworkEndpoint,
  adapter: LinuxNetworkAdapter & { readonly ID: string },
  signal: AbortSignal,
): Promise<void> {
  const guest: GuestRequests = { add: addNetworkAdapter(adapter), remove: removeNetworkAdapter(adapter) };
  return holdAdapter(uvm, holdings, { nic: adapter.ID, endpoint, guest }, signal);
}

/** An HCN endpoint in the words of a Linux guest: domain and search list joined, everything lower case. */
function guestAdapter(
  nic: string,
  namespaceId: string,
  endpoint: NetworkEndpoint,
): LinuxNetworkAdapter & { readonly ID: string } {
  const { dns } = endpoint;
  const suffixes = [...(dns.domain === undefined ? [] : [dns.domain]), ...dns.search];
  return {
    NamespaceID: namespaceId,
    ID: nic,
    MacAddress: endpoint.macAddress,
    DNSSuffix: suffixes.join(",").toLowerCase(),
    EncapOverhead: encapsulationOverhead(endpoint),
    DNSServerList: dns.servers.join(",").toLowerCase(),
    IPConfigs: endpoint.ipConfigurations.map(({ ipAddress, prefixLength }) => ({
      IPAddress: ipAddress,
      PrefixLength: prefixLength,
    })),
    Routes: endpoint.routes.map(({ nextHop, destinationPrefix, metric }) => ({
      NextHop: nextHop,
      DestinationPrefix: destinationPrefix,
      ...(metric === undefined ? {} : { Metric: metric }),
    })),
  };
}

/** Bytes that encapsulation on the host takes off each packet: what the last policy says that speaks of them. */
function encapsulationOverhead({ document }: NetworkEndpoint): number {
  const policy = document?.Policies?.findLast(({ Type }) => Type === "EncapOverhead");
  const overhead = (policy?.Settings as { readonly Overhead?: unknown } | null | undefined)?.Overhead;
  return typeof overhead === "number" ? overhead : 0;
}
