/** Addresses given to containers that ask for none of their own: each subnet's, one file per address that is taken. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { addressOf, parseAddress } from "../../../oci/network/address.ts";
import { isReservedInSubnet, parseSubnet } from "../../../oci/network/prefix.ts";
import { ClientError } from "../errors.ts";

/** So many are tried: a larger subnet that is this full has a problem of another kind. */
const MOST_TRIED = 4096n;

export interface GivenAddress {
  readonly ip: string;
  readonly prefixLength: number;
  /** The file; removing it gives the address back. */
  readonly lease: string;
}

/**
 * The first address of `subnet` that nobody has.
 *
 * @param directory of leases
 * @param taken addresses that others have: the host, a gateway
 * @throws {ClientError} ResourceExhausted
 */
export async function takeAddress(
  directory: string,
  subnet: string,
  owner: string,
  taken: readonly string[],
): Promise<GivenAddress> {
  const range = parseSubnet(subnet);
  if (range === undefined || range.family !== "IPv4")
    throw new ClientError(
      "FailedPrecondition",
      `cannot choose an address in "${subnet}": give ip and netmask`,
      { subnet },
    );
  const { bits, prefixLength } = range;
  const size = 1n << BigInt(32 - prefixLength);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const foreign = new Set(taken);
  for (let host = 1n; host < size && host <= MOST_TRIED; host += 1n) {
    const { text } = addressOf("IPv4", bits + host);
    const address = parseAddress(text);
    if (address === undefined || isReservedInSubnet(address, prefixLength) || foreign.has(text)) continue;
    const lease = join(directory, text);
    try {
      await writeFile(lease, owner, { flag: "wx" });
      return { ip: text, prefixLength, lease };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  throw new ClientError("ResourceExhausted", `cannot choose an address in ${subnet}: all are taken`, {
    subnet,
  });
}

/** A fixed address is taken like any other. @returns undefined when somebody has it */
export async function reserveAddress(
  directory: string,
  ip: string,
  owner: string,
): Promise<string | undefined> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const lease = join(directory, ip.replaceAll(":", "_"));
  try {
    await writeFile(lease, owner, { flag: "wx" });
    return lease;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    throw error;
  }
}

/** Gives addresses back. */
export async function releaseAddress(lease: string): Promise<void> {
  await rm(lease, { force: true });
}
