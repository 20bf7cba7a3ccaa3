/**
 * Static settings that a guest applies: the documents its adapters are described by, with the settings in the place of what
 * the endpoint says. Neither needs a program inside the container.
 */
import type { HcnEndpoint } from "../../hcs/schema/hcn.ts";
import { parseAddress, type Family } from "./address.ts";
import { DEFAULT_ROUTE } from "./endpoint.ts";
import { parseSubnet } from "./prefix.ts";
import type { Facet, StaticNetwork } from "./static.ts";

/** The members of a Linux guest's network adapter that settings replace. */
export interface LinuxAdapterSettings {
  IPConfigs?: { IPAddress?: string; PrefixLength?: number }[];
  Routes?: { NextHop?: string; DestinationPrefix?: string; Metric?: number }[];
  /** Comma-joined. */
  DNSServerList?: string;
}

/** An endpoint as a Windows guest is told of it before its adapter comes. */
export function withStaticEndpoint(
  endpoint: HcnEndpoint,
  settings: StaticNetwork,
  facets: ReadonlySet<Facet>,
): HcnEndpoint {
  const { address, gateway, dns } = settings;
  return {
    ...endpoint,
    ...(address && facets.has("ip")
      ? {
          IpConfigurations: [
            { IpAddress: address.ip.text, PrefixLength: address.prefixLength },
            ...ofOtherFamily(endpoint.IpConfigurations, ({ IpAddress }) => IpAddress, address.ip.family),
          ],
        }
      : {}),
    ...(gateway && facets.has("gateway")
      ? { Routes: withDefaultRoute(endpoint.Routes, gateway.text, gateway.family) }
      : {}),
    ...(dns.length > 0 && facets.has("dns")
      ? { Dns: { ...endpoint.Dns, ServerList: dns.map(({ text }) => text) } }
      : {}),
  };
}

/** A network adapter as a Linux guest is told of it. */
export function withStaticAdapter<Adapter extends LinuxAdapterSettings>(
  adapter: Adapter,
  settings: StaticNetwork,
  facets: ReadonlySet<Facet>,
): Adapter {
  const { address, gateway, dns } = settings;
  return {
    ...adapter,
    ...(address && facets.has("ip")
      ? {
          IPConfigs: [
            { IPAddress: address.ip.text, PrefixLength: address.prefixLength },
            ...ofOtherFamily(adapter.IPConfigs, ({ IPAddress }) => IPAddress, address.ip.family),
          ],
        }
      : {}),
    ...(gateway && facets.has("gateway")
      ? { Routes: withDefaultRoute(adapter.Routes, gateway.text, gateway.family) }
      : {}),
    ...(dns.length > 0 && facets.has("dns") ? { DNSServerList: dns.map(({ text }) => text).join(",") } : {}),
  };
}

/** A static address takes the place of all others of its family. */
function ofOtherFamily<Entry>(
  entries: readonly Entry[] | undefined,
  addressOf: (entry: Entry) => string | undefined,
  family: Family,
): Entry[] {
  return (entries ?? []).filter((entry) => parseAddress(addressOf(entry) ?? "")?.family !== family);
}

interface Route {
  NextHop?: string;
  DestinationPrefix?: string;
  Metric?: number;
}

/** A gateway takes the place of its family's default routes. */
function withDefaultRoute(routes: readonly Route[] | undefined, nextHop: string, family: Family): Route[] {
  const others = (routes ?? []).filter(({ DestinationPrefix }) => {
    const destination = parseSubnet(DestinationPrefix ?? "");
    return destination?.family !== family || destination.prefixLength !== 0;
  });
  return [{ NextHop: nextHop, DestinationPrefix: DEFAULT_ROUTE[family] }, ...others];
}
