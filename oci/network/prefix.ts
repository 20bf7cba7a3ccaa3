/** Prefix lengths, netmasks and subnets. */
import { SpecError } from "../errors.ts";
import { ADDRESS_BITS, addressOf, parseAddress, type Family, type IpAddress } from "./address.ts";

export interface Subnet {
  readonly family: Family;
  /** Bits of the network; those of its hosts are zero. */
  readonly bits: bigint;
  readonly prefixLength: number;
}

const DECIMAL = /^(?:0|[1-9][0-9]{0,2})$/;

/**
 * A prefix length, given as such or, for IPv4, as a netmask.
 *
 * @param at where it stands, for errors
 * @throws {SpecError} for anything else
 */
export function readPrefixLength(text: string, family: Family, at: string): number {
  const length = DECIMAL.test(text) ? Number(text) : netmaskLength(text, family);
  if (length !== undefined && length <= ADDRESS_BITS[family]) return length;
  const mask = family === "IPv4" ? " or a netmask of ones followed by zeros" : "";
  throw new SpecError({
    at,
    rule: `must be a prefix length of 0 to ${ADDRESS_BITS[family]}${mask}`,
    value: text,
    refusal: "invalid argument",
  });
}

/** IPv4 has netmasks, IPv6 has not. */
function netmaskLength(text: string, family: Family): number | undefined {
  const mask = parseAddress(text);
  if (family !== "IPv4" || mask?.family !== "IPv4") return undefined;
  const length = mask.bits.toString(2).replaceAll("0", "").length;
  return mask.bits === prefixMask("IPv4", length) ? length : undefined;
}

/** `255.255.255.0` for 24. @param prefixLength 0 to 32 */
export function netmaskOf(prefixLength: number): string {
  return addressOf("IPv4", prefixMask("IPv4", prefixLength)).text;
}

function prefixMask(family: Family, prefixLength: number): bigint {
  return ((1n << BigInt(prefixLength)) - 1n) << BigInt(ADDRESS_BITS[family] - prefixLength);
}

/** `10.0.0.0/24`. Bits of hosts do not count. Undefined for anything else. */
export function parseSubnet(text: string): Subnet | undefined {
  const [prefix = "", length = "", ...rest] = text.split("/");
  const address = parseAddress(prefix);
  if (address === undefined || rest.length > 0 || !DECIMAL.test(length)) return undefined;
  const prefixLength = Number(length);
  return prefixLength <= ADDRESS_BITS[address.family] ? subnetOf(address, prefixLength) : undefined;
}

/** The subnet of an address. @param prefixLength at most the address's length in bits */
export function subnetOf({ family, bits }: IpAddress, prefixLength: number): Subnet {
  return { family, bits: bits & prefixMask(family, prefixLength), prefixLength };
}

export function isInSubnet(address: IpAddress, { family, bits, prefixLength }: Subnet): boolean {
  return address.family === family && (address.bits & prefixMask(family, prefixLength)) === bits;
}

/** An IPv4 subnet of four addresses or more keeps the first and the last: for itself and for all its hosts. */
export function isReservedInSubnet(address: IpAddress, prefixLength: number): boolean {
  if (address.family !== "IPv4" || prefixLength > 30) return false;
  const first = subnetOf(address, prefixLength).bits;
  const last = first | ((1n << BigInt(ADDRESS_BITS.IPv4 - prefixLength)) - 1n);
  return address.bits === first || address.bits === last;
}
