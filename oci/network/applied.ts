/**
 * Which static settings an endpoint has, as its service describes it after it was made. Services drop what they do not know
 * without a word, so only what they show counts; what cannot be read does not show it.
 */
import { isObject, type JsonObject } from "../json.ts";
import { isSameAddress, parseAddress, type IpAddress } from "./address.ts";
import { PROTOCOL_NUMBER } from "./endpoint.ts";
import type { PortMapping } from "./port-mappings.ts";
import { parseSubnet } from "./prefix.ts";
import { facetsOf, type Facet, type StaticNetwork } from "./static.ts";

/** @param document an HCN endpoint @returns facets that were asked for, and are there */
export function appliedToHcn(document: unknown, settings: StaticNetwork): Set<Facet> {
  const endpoint = isObject(document) ? document : {};
  const dns = isObject(endpoint["Dns"]) ? endpoint["Dns"] : {};
  return shown(settings, {
    ip: ({ ip, prefixLength }) =>
      objects(endpoint["IpConfigurations"]).some(
        (each) => isAddress(each["IpAddress"], ip) && each["PrefixLength"] === prefixLength,
      ),
    gateway: (gateway) =>
      objects(endpoint["Routes"]).some(
        (route) =>
          isAddress(route["NextHop"], gateway) && isDefaultRoute(route["DestinationPrefix"], gateway.family),
      ),
    servers: texts(dns["ServerList"]),
    port: (mapping) =>
      objects(endpoint["Policies"]).some(
        ({ Type, Settings }) => Type === "PortMapping" && isObject(Settings) && isMapping(Settings, mapping),
      ),
  });
}

/** As {@link appliedToHcn}, for hosts without HCN. @param document an HNS endpoint */
export function appliedToHns(document: unknown, settings: StaticNetwork): Set<Facet> {
  const endpoint = isObject(document) ? document : {};
  const servers = endpoint["DNSServerList"];
  return shown(settings, {
    ip: ({ ip, prefixLength }) => {
      const [address, length] =
        ip.family === "IPv4" ? ["IPAddress", "PrefixLength"] : ["IPv6Address", "IPv6PrefixLength"];
      return isAddress(endpoint[address], ip) && endpoint[length] === prefixLength;
    },
    gateway: (gateway) =>
      isAddress(endpoint[gateway.family === "IPv4" ? "GatewayAddress" : "GatewayAddressV6"], gateway),
    servers: typeof servers === "string" ? servers.split(",") : [],
    port: (mapping) =>
      objects(endpoint["Policies"]).some((policy) => policy["Type"] === "NAT" && isMapping(policy, mapping)),
  });
}

interface Shown {
  readonly ip: (wanted: NonNullable<StaticNetwork["address"]>) => boolean;
  readonly gateway: (wanted: IpAddress) => boolean;
  readonly servers: readonly string[];
  readonly port: (wanted: PortMapping) => boolean;
}

function shown(settings: StaticNetwork, { ip, gateway, servers, port }: Shown): Set<Facet> {
  const { address, gateway: router, dns, ports } = settings;
  const isShown: Readonly<Record<Facet, () => boolean>> = {
    ip: () => address !== undefined && ip(address),
    gateway: () => router !== undefined && gateway(router),
    dns: () => hasInOrder(servers, dns),
    ports: () => ports.every(port),
  };
  return new Set([...facetsOf(settings)].filter((facet) => isShown[facet]()));
}

/** The service may know further servers; those asked for come in their order. */
function hasInOrder(servers: readonly string[], wanted: readonly IpAddress[]): boolean {
  let next = 0;
  for (const server of servers) {
    const expected = wanted[next];
    if (expected !== undefined && isAddress(server.trim(), expected)) next++;
  }
  return next === wanted.length;
}

function isAddress(value: unknown, wanted: IpAddress): boolean {
  const address = typeof value === "string" ? parseAddress(value) : undefined;
  return address !== undefined && isSameAddress(address, wanted);
}

function isDefaultRoute(value: unknown, family: IpAddress["family"]): boolean {
  const subnet = typeof value === "string" ? parseSubnet(value) : undefined;
  return subnet?.family === family && subnet.prefixLength === 0;
}

/** HCN writes protocols as numbers, the HNS by name. */
function isMapping(settings: JsonObject, { protocol, hostPort, containerPort }: PortMapping): boolean {
  const found = settings["Protocol"];
  const sameProtocol =
    typeof found === "string" ? found.toLowerCase() === protocol : found === PROTOCOL_NUMBER[protocol];
  return sameProtocol && settings["ExternalPort"] === hostPort && settings["InternalPort"] === containerPort;
}

function objects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}
