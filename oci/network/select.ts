/** Which network of the host a container joins when nobody but its user says so, by the name of a switch. */
import { SpecError, type SpecWarning } from "../errors.ts";
import type { NetworkCandidate } from "./candidates.ts";

/** How a network answers to a name. The first row that fits is its tier; a lower one wins. */
const TIERS = [
  {
    match: "switch-name",
    fits: ({ switchName }: Names, wish: string): boolean => switchName === wish,
  },
  {
    match: "name",
    fits: ({ name }: Names, wish: string): boolean => name === wish,
  },
  {
    match: "part-of-name",
    fits: ({ name, switchName }: Names, wish: string): boolean =>
      switchName?.includes(wish) === true || name?.includes(wish) === true,
  },
  { match: "none", fits: (): boolean => true },
] as const;

/** Lower case, as names are compared. */
interface Names {
  readonly name: string | undefined;
  readonly switchName: string | undefined;
}

export type NetworkMatch = (typeof TIERS)[number]["match"];

export interface NetworkWish {
  /** Literal text, in any case; {@link DEFAULT_SWITCH} when it is absent or blank. */
  readonly switchName?: string | undefined;
  /** Refuses to take a network that does not answer to the name. */
  readonly requireMatch?: boolean;
}

export interface SelectedNetwork<Network extends NetworkCandidate = NetworkCandidate> {
  readonly network: Network;
  readonly match: NetworkMatch;
  /** It was taken although it does not answer to the name. */
  readonly fallback: boolean;
  readonly warnings: readonly SpecWarning[];
}

/** The switch that Windows makes by itself. */
export const DEFAULT_SWITCH = "Default Switch";

/** Types in order of preference; all others come after. */
const PREFERRED_TYPES = ["nat", "ics"];

/** So many are named in an error. */
const MOST_LISTED = 10;

/**
 * Chooses by how well the name fits, then by type, then by the network's name and id: two lists of the same networks give the
 * same choice in whatever order they are listed.
 *
 * @param at where the name of the switch stands, for errors
 * @throws {SpecError} when there is no network, or (`requireMatch`) none of that name
 */
export function selectHnsNetwork<Network extends NetworkCandidate>(
  networks: readonly Network[],
  { switchName, requireMatch = false }: NetworkWish,
  at = "/network/switchName",
): SelectedNetwork<Network> {
  const value = switchName?.trim() || DEFAULT_SWITCH;
  const ranked = networks
    .map((network) => ({ network, key: keyOf(network, value.toLowerCase()) }))
    .sort((a, b) => compareKeys(a.key, b.key));
  const best = ranked[0];
  if (best === undefined) {
    const rule = "cannot be found: there are no HNS networks on this host, so create one";
    throw new SpecError({ at, rule, value, refusal: "failed precondition" });
  }
  const { network } = best;
  const match = TIERS[best.key[0]]?.match ?? "none";
  if (match !== "none") return { network, match, fallback: false, warnings: [] };
  if (requireMatch) {
    const rule = `must be the switch or the name of an HNS network: ${listed(ranked.map((each) => each.network))}`;
    throw new SpecError({ at, rule, value, refusal: "not found" });
  }
  const message = `no HNS network answers to "${value}": ${describe(network)} is used`;
  return { network, match, fallback: true, warnings: [{ kind: "network-not-matched", at, message, value }] };
}

/** Tier, type, name, id: the smallest wins. */
type Key = readonly [tier: number, type: number, name: string, id: string];

function keyOf(network: NetworkCandidate, wish: string): Key {
  const name = network.name?.toLowerCase();
  const names = { name, switchName: network.switchName?.toLowerCase() };
  const type = PREFERRED_TYPES.indexOf(network.type?.toLowerCase() ?? "");
  return [
    TIERS.findIndex(({ fits }) => fits(names, wish)),
    type === -1 ? PREFERRED_TYPES.length : type,
    name ?? "",
    network.id.toLowerCase(),
  ];
}

function compareKeys(a: Key, b: Key): number {
  for (const [index, left] of a.entries()) {
    const right = b[index] ?? left;
    // By code units, which every machine orders alike.
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

function listed(networks: readonly NetworkCandidate[]): string {
  const rest = networks.length - MOST_LISTED;
  return [...networks.slice(0, MOST_LISTED).map(describe), ...(rest > 0 ? [`${rest} more`] : [])].join(", ");
}

function describe({ id, name, switchName, type }: NetworkCandidate): string {
  const facts = [...(switchName === undefined ? [] : [`switch "${switchName}"`]), ...(type ? [type] : [])];
  const subject = name === undefined ? id : `"${name}"`;
  return facts.length === 0 ? subject : `${subject} (${facts.join(", ")})`;
}
