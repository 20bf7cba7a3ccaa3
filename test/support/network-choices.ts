/** Which network is chosen by a name, as a table: for the rule itself, and for those that apply it. */
import type { NetworkCandidate } from "../../oci/network/candidates.ts";
import type { NetworkMatch } from "../../oci/network/select.ts";

export interface NetworkChoice {
  readonly wish: string | undefined;
  /** In the order in which the service lists them. */
  readonly networks: readonly NetworkCandidate[];
  /** An id. */
  readonly chosen: string;
  readonly match: NetworkMatch;
}

/** Ids are letters, so that the choice can be told. */
export function network(id: string, name: string, switchName: string, type: string): NetworkCandidate {
  return {
    id,
    name,
    ...(switchName === "-" ? {} : { switchName }),
    ...(type === "" ? {} : { type }),
    subnets: [],
  };
}

export const NETWORK_CHOICES: readonly NetworkChoice[] = [
  {
    wish: "nat",
    networks: [network("A", "nat", "nat", "NAT"), network("B", "Default Switch", "Default Switch", "ICS")],
    chosen: "A",
    match: "switch-name",
  },
  {
    wish: "Corp",
    networks: [network("A", "Corp", "x", "NAT"), network("B", "lan", "Corp", "Transparent")],
    chosen: "B",
    match: "switch-name",
  },
  {
    wish: "Corp",
    networks: [network("A", "Corp", "x", "Transparent"), network("B", "lan", "corp", "Transparent")],
    chosen: "B",
    match: "switch-name",
  },
  {
    wish: "corp",
    networks: [
      network("A", "Corp-NAT", "-", "NAT"),
      network("B", "Corp-ICS", "-", "ICS"),
      network("C", "corp-t", "-", "Transparent"),
    ],
    chosen: "A",
    match: "part-of-name",
  },
  {
    wish: undefined,
    networks: [network("A", "nat", "nat", "NAT"), network("B", "Default Switch", "Default Switch", "ICS")],
    chosen: "B",
    match: "switch-name",
  },
  {
    wish: "zzz",
    networks: [
      network("A", "t", "t", "Transparent"),
      network("B", "i", "i", "ICS"),
      network("C", "n", "n", "NAT"),
    ],
    chosen: "C",
    match: "none",
  },
  {
    wish: "zzz",
    networks: [network("A", "t1", "-", "Transparent"), network("B", "t0", "-", "Transparent")],
    chosen: "B",
    match: "none",
  },
  {
    wish: "lab*",
    networks: [network("A", "lab*", "-", "L2Bridge"), network("B", "lab-2", "-", "NAT")],
    chosen: "A",
    match: "name",
  },
  {
    wish: "[dev]",
    networks: [network("B", "d", "-", "NAT"), network("A", "net [dev]", "-", "NAT")],
    chosen: "A",
    match: "part-of-name",
  },
  {
    wish: "  NAT ",
    networks: [network("A", "a", "nat", ""), network("B", "b", "nat", "ICS")],
    chosen: "B",
    match: "switch-name",
  },
  {
    wish: "x",
    networks: [network("B", "x", "x", "NAT"), network("A", "X", "X", "NAT")],
    chosen: "A",
    match: "switch-name",
  },
  {
    wish: " ",
    networks: [network("A", "nat", "nat", "NAT"), network("B", "default switch", "-", "")],
    chosen: "B",
    match: "name",
  },
];
