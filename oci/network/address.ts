/** IP addresses as numbers, so that they are compared by value and not by how somebody wrote them. */
import { SpecError } from "../errors.ts";

export type Family = "IPv4" | "IPv6";

export interface IpAddress {
  readonly family: Family;
  readonly bits: bigint;
  /** Canonical form; for IPv6 that of RFC 5952, but never with an IPv4 tail. */
  readonly text: string;
}

/** Length of an address in bits. */
export const ADDRESS_BITS: Readonly<Record<Family, number>> = { IPv4: 32, IPv6: 128 };

const IPV4_OCTET = /^(?:0|[1-9][0-9]{0,2})$/;
const IPV6_GROUP = /^[0-9a-f]{1,4}$/i;
const IPV6_GROUPS = 8;

/**
 * An address literal. Undefined for anything else: zones (`fe80::1%eth0`), since they mean something on one machine
 * only, and leading zeros in IPv4, since some read them as octal.
 */
export function parseAddress(text: string): IpAddress | undefined {
  const family: Family = text.includes(":") ? "IPv6" : "IPv4";
  const bits = family === "IPv4" ? ipv4Bits(text) : ipv6Bits(text);
  return bits === undefined ? undefined : addressOf(family, bits);
}

/** @throws {SpecError} for a text that is no address @param at where it stands, for errors */
export function readAddress(text: string, at: string): IpAddress {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  throw new SpecError({
    at,
    rule: "must be an IP address without prefix length, zone or leading zeros",
    value: text,
    refusal: "invalid argument",
  });
}

export function addressOf(family: Family, bits: bigint): IpAddress {
  return { family, bits, text: family === "IPv4" ? ipv4Text(bits) : ipv6Text(bits) };
}

export function isSameAddress(a: IpAddress, b: IpAddress): boolean {
  return a.family === b.family && a.bits === b.bits;
}

function ipv4Bits(text: string): bigint | undefined {
  const octets = text.split(".");
  if (octets.length !== 4) return undefined;
  let bits = 0n;
  for (const octet of octets) {
    if (!IPV4_OCTET.test(octet) || Number(octet) > 255) return undefined;
    bits = (bits << 8n) | BigInt(octet);
  }
  return bits;
}

function ipv6Bits(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => ipv6Groups(half, index === halves.length - 1));
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === IPV6_GROUPS ? joined(head) : undefined;
  // `::` stands for at least one group.
  if (tail === undefined || head.length + tail.length >= IPV6_GROUPS) return undefined;
  const zeros = Array.from({ length: IPV6_GROUPS - head.length - tail.length }, () => 0n);
  return joined([...head, ...zeros, ...tail]);
}

/** Groups between colons; the last of an address may be an IPv4 address, which is two of them. */
function ipv6Groups(text: string, mayEndInIpv4: boolean): bigint[] | undefined {
  if (text === "") return [];
  const groups: bigint[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    const ipv4 =
      mayEndInIpv4 && index === parts.length - 1 && part.includes(".") ? ipv4Bits(part) : undefined;
    if (ipv4 !== undefined) groups.push(ipv4 >> 16n, ipv4 & 0xffffn);
    else if (IPV6_GROUP.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

function joined(groups: readonly bigint[]): bigint {
  return groups.reduce((bits, group) => (bits << 16n) | group, 0n);
}

function ipv4Text(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join(".");
}

function ipv6Text(bits: bigint): string {
  const groups = Array.from({ length: IPV6_GROUPS }, (_, index) =>
    ((bits >> BigInt(16 * (IPV6_GROUPS - 1 - index))) & 0xffffn).toString(16),
  );
  const run = longestZeros(groups);
  if (run.length < 2) return groups.join(":");
  return `${groups.slice(0, run.start).join(":")}::${groups.slice(run.start + run.length).join(":")}`;
}

/** The longest run of zero groups, of several the first. */
function longestZeros(groups: readonly string[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === "0") length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
