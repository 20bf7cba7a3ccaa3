/** Endpoints of the Host Compute Network, reduced to what a guest needs. */
import type { NetworkEndpoint } from "./api.ts";
import type { HcnEndpoint } from "./schema/hcn.ts";

/** What a document of HCN says, with what it leaves out. */
export function endpointOf(document: HcnEndpoint): NetworkEndpoint {
  const { Dns = {} } = document;
  return {
    id: (document.ID ?? "").toLowerCase(),
    name: document.Name ?? "",
    macAddress: document.MacAddress ?? "",
    ipConfigurations: (document.IpConfigurations ?? []).map(({ IpAddress, PrefixLength }) => ({
      ipAddress: IpAddress ?? "",
      prefixLength: PrefixLength ?? 0,
    })),
    routes: (document.Routes ?? []).map(({ NextHop, DestinationPrefix, Metric }) => ({
      nextHop: NextHop ?? "",
      destinationPrefix: DestinationPrefix ?? "",
      ...(Metric === undefined ? {} : { metric: Metric }),
    })),
    dns: {
      ...(Dns.Domain === undefined ? {} : { domain: Dns.Domain }),
      search: Dns.Search ?? [],
      servers: Dns.ServerList ?? [],
    },
    document,
  };
}
