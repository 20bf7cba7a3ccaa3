/** The network settings a user may fix by hand: address, gateway, name servers, ports. */
import { SpecError } from "../errors.ts";
import { isSameAddress, readAddress, type IpAddress } from "./address.ts";
import { readPortMappings, type PortMapping } from "./port-mappings.ts";
import { isInSubnet, isReservedInSubnet, parseSubnet, readPrefixLength } from "./prefix.ts";

/** As the user writes them. Blank texts count as absent. */
export interface StaticInputs {
  readonly ip?: string | undefined;
  /** A prefix length, or for IPv4 a netmask. Without it that of the network's subnet holds. */
  readonly netmask?: string | undefined;
  readonly gateway?: string | undefined;
  /** The gateway when there is no {@link gateway}: the host's own address in the network. */
  readonly hostIp?: string | undefined;
  /** Separated by white space, commas or semicolons. */
  readonly dns?: string | undefined;
  /** See {@link readPortMappings}. */
  readonly ports?: string | undefined;
}

/** Each part of them is applied, or lost, by itself. */
export type Facet = "ip" | "gateway" | "dns" | "ports";

export interface StaticNetwork {
  readonly address?: StaticAddress;
  /** Of the address's family. */
  readonly gateway?: IpAddress;
  readonly dns: readonly IpAddress[];
  readonly ports: readonly PortMapping[];
}

interface StaticAddress {
  readonly ip: IpAddress;
  readonly prefixLength: number;
}

/**
 * @param subnets those of the chosen network (`10.0.0.0/24`): where an address without netmask may lie
 * @param at JSON pointer of the inputs, for errors
 * @throws {SpecError} naming the input and its value
 */
export function readStaticNetwork(
  inputs: StaticInputs,
  subnets: readonly string[] = [],
  at = "/network",
): StaticNetwork {
  const given = (name: keyof StaticInputs): string | undefined => inputs[name]?.trim() || undefined;
  const address = readStaticAddress(given("ip"), given("netmask"), subnets, at);
  const named = given("gateway");
  const gateway =
    named === undefined
      ? readGateway(address && given("hostIp"), address, `${at}/hostIp`)
      : readGateway(named, address, `${at}/gateway`);
  return {
    ...(address === undefined ? {} : { address }),
    ...(gateway === undefined ? {} : { gateway }),
    dns: readNameServers(given("dns") ?? "", `${at}/dns`),
    ports: readPortMappings(given("ports") ?? "", `${at}/ports`),
  };
}

/** The facets that are asked for. */
export function facetsOf({ address, gateway, dns, ports }: StaticNetwork): Set<Facet> {
  const asked: Readonly<Record<Facet, boolean>> = {
    ip: address !== undefined,
    gateway: gateway !== undefined,
    dns: dns.length > 0,
    ports: ports.length > 0,
  };
  return new Set((Object.keys(asked) as Facet[]).filter((facet) => asked[facet]));
}

function readStaticAddress(
  text: string | undefined,
  netmask: string | undefined,
  subnets: readonly string[],
  at: string,
): StaticAddress | undefined {
  if (text === undefined) {
    if (netmask === undefined) return undefined;
    throw refused(`${at}/netmask`, "needs an address: give ip too", netmask);
  }
  const ip = readHostAddress(text, `${at}/ip`);
  const prefixLength =
    netmask === undefined
      ? prefixLengthIn(ip, subnets, at)
      : readPrefixLength(netmask, ip.family, `${at}/netmask`);
  if (isReservedInSubnet(ip, prefixLength))
    throw refused(
      `${at}/ip`,
      `must not be the first or the last address of its subnet (/${prefixLength})`,
      text,
    );
  return { ip, prefixLength };
}

/** Of several subnets that contain the address, the smallest. */
function prefixLengthIn(ip: IpAddress, subnets: readonly string[], at: string): number {
  const lengths = subnets
    .map(parseSubnet)
    .filter((subnet) => subnet !== undefined && isInSubnet(ip, subnet))
    .map((subnet) => subnet?.prefixLength ?? 0);
  if (lengths.length > 0) return Math.max(...lengths);
  const known = subnets.length === 0 ? "which has none" : subnets.join(", ");
  throw refused(`${at}/ip`, `needs a netmask outside the subnets of its network (${known})`, ip.text);
}

function readGateway(
  text: string | undefined,
  address: StaticAddress | undefined,
  at: string,
): IpAddress | undefined {
  if (text === undefined) return undefined;
  if (address === undefined) throw refused(at, "needs an address: give ip and netmask too", text);
  const gateway = readHostAddress(text, at);
  if (gateway.family !== address.ip.family)
    throw refused(at, `must be of the family of ip, ${address.ip.family}`, text);
  if (isSameAddress(gateway, address.ip)) throw refused(at, "must be another address than ip", text);
  return gateway;
}

/** In the order given, each once. */
function readNameServers(text: string, at: string): IpAddress[] {
  const servers: IpAddress[] = [];
  for (const part of text.split(/[\s,;]+/).filter((each) => each !== "")) {
    const server = readAddress(part, at);
    if (!servers.some((known) => isSameAddress(known, server))) servers.push(server);
  }
  return servers;
}

/** Addresses that no interface can have, or that never leave the machine. */
const NO_HOSTS = ["0.0.0.0/32", "127.0.0.0/8", "224.0.0.0/4", "::/128", "::1/128", "ff00::/8"];

function readHostAddress(text: string, at: string): IpAddress {
  const address = readAddress(text, at);
  for (const range of NO_HOSTS) {
    const subnet = parseSubnet(range);
    if (subnet !== undefined && isInSubnet(address, subnet))
      throw refused(at, `must be the address of one host, not of ${range}`, text);
  }
  return address;
}

function refused(at: string, rule: string, value: string): SpecError {
  return new SpecError({ at, rule, value, refusal: "invalid argument" });
}
