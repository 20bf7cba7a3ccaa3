/** The endpoint that gives a container its static settings, for either network service of Windows. */
import type { HcnEndpoint } from "../../hcs/schema/hcn.ts";
import type { HnsEndpoint } from "../../hcs/schema/hns.ts";
import type { Family } from "./address.ts";
import type { PortMapping } from "./port-mappings.ts";
import type { Facet, StaticNetwork } from "./static.ts";

/** Destination of a default route. */
export const DEFAULT_ROUTE: Readonly<Record<Family, string>> = { IPv4: "0.0.0.0/0", IPv6: "::/0" };

/** Protocol numbers, as HCN writes protocols. */
export const PROTOCOL_NUMBER: Readonly<Record<PortMapping["protocol"], number>> = { tcp: 6, udp: 17 };

export interface EndpointIdentity {
  readonly name: string;
  readonly networkId: string;
}

/**
 * @param facets those to ask for: none after the service has refused them all
 */
export function hcnEndpoint(
  { name, networkId }: EndpointIdentity,
  { address, gateway, dns, ports }: StaticNetwork,
  facets: ReadonlySet<Facet>,
): HcnEndpoint {
  const has = (facet: Facet): boolean => facets.has(facet);
  return {
    Name: name,
    HostComputeNetwork: networkId,
    SchemaVersion: { Major: 2, Minor: 0 },
    ...(address && has("ip")
      ? { IpConfigurations: [{ IpAddress: address.ip.text, PrefixLength: address.prefixLength }] }
      : {}),
    ...(gateway && has("gateway")
      ? { Routes: [{ NextHop: gateway.text, DestinationPrefix: DEFAULT_ROUTE[gateway.family] }] }
      : {}),
    ...(dns.length > 0 && has("dns") ? { Dns: { ServerList: dns.map(({ text }) => text) } } : {}),
    ...(ports.length > 0 && has("ports")
      ? {
          Policies: ports.map(({ protocol, hostPort, containerPort }) => ({
            Type: "PortMapping",
            Settings: {
              Protocol: PROTOCOL_NUMBER[protocol],
              InternalPort: containerPort,
              ExternalPort: hostPort,
            },
          })),
        }
      : {}),
  };
}

/** As {@link hcnEndpoint}, for hosts without HCN. */
export function hnsEndpoint(
  { name, networkId }: EndpointIdentity,
  { address, gateway, dns, ports }: StaticNetwork,
  facets: ReadonlySet<Facet>,
): HnsEndpoint {
  const has = (facet: Facet): boolean => facets.has(facet);
  return {
    Name: name,
    VirtualNetwork: networkId,
    ...(address && has("ip") ? hnsAddress(address) : {}),
    ...(gateway && has("gateway")
      ? { [gateway.family === "IPv4" ? "GatewayAddress" : "GatewayAddressV6"]: gateway.text }
      : {}),
    ...(dns.length > 0 && has("dns") ? { DNSServerList: dns.map(({ text }) => text).join(",") } : {}),
    ...(ports.length > 0 && has("ports")
      ? {
          Policies: ports.map(({ protocol, hostPort, containerPort }) => ({
            Type: "NAT",
            Protocol: protocol === "tcp" ? "TCP" : "UDP",
            InternalPort: containerPort,
            ExternalPort: hostPort,
          })),
        }
      : {}),
  };
}

function hnsAddress({ ip, prefixLength }: NonNullable<StaticNetwork["address"]>): HnsEndpoint {
  return ip.family === "IPv4"
    ? { IPAddress: ip.text, PrefixLength: prefixLength }
    : { IPv6Address: ip.text, IPv6PrefixLength: prefixLength };
}
