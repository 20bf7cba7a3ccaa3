/** Networks of the host as its two network services list them, reduced to what a choice depends on. */
import { SpecError } from "../errors.ts";
import { isObject, optionalObjects, optionalString, type JsonObject } from "../json.ts";

export interface NetworkCandidate {
  readonly id: string;
  readonly name?: string;
  readonly switchName?: string;
  /** `NAT`, `ICS`, `Transparent` …; absent when the service does not say. */
  readonly type?: string;
  /** `10.0.0.0/24`, in the order of the document. */
  readonly subnets: readonly string[];
}

/** What HCN means by a network without a type. */
const HCN_DEFAULT_TYPE = "NAT";

/** A network of the HNS (version 1). @throws {SpecError} for a document that is none */
export function candidateOfHns(document: unknown, at: string): NetworkCandidate {
  const network = objectAt(document, at);
  return candidate(network, at, {
    switchName: optionalString(network, "SwitchName", at),
    type: optionalString(network, "Type", at),
    subnets: prefixes(network, "Subnets", "AddressPrefix", at),
  });
}

/**
 * A network of HCN (version 2).
 *
 * @param switchName HCN names the switch by its GUID only; the HNS knows the name under the same network id
 * @throws {SpecError} for a document that is none
 */
export function candidateOfHcn(document: unknown, at: string, switchName?: string): NetworkCandidate {
  const network = objectAt(document, at);
  const ipams = optionalObjects(network, "Ipams", at) ?? [];
  return candidate(network, at, {
    switchName,
    type: optionalString(network, "Type", at) || HCN_DEFAULT_TYPE,
    subnets: ipams.flatMap((ipam, index) =>
      prefixes(ipam, "Subnets", "IpAddressPrefix", `${at}/Ipams/${index}`),
    ),
  });
}

interface Described {
  readonly switchName: string | undefined;
  readonly type: string | undefined;
  readonly subnets: readonly string[];
}

function candidate(network: JsonObject, at: string, described: Described): NetworkCandidate {
  const id = optionalString(network, "ID", at);
  if (!id) throw new SpecError({ at: `${at}/ID`, rule: "must be the id of the network", value: id });
  const name = optionalString(network, "Name", at);
  const { switchName, type, subnets } = described;
  return {
    id,
    ...(name ? { name } : {}),
    ...(switchName ? { switchName } : {}),
    ...(type ? { type } : {}),
    subnets,
  };
}

function prefixes(parent: JsonObject, list: string, member: string, at: string): string[] {
  return (optionalObjects(parent, list, at) ?? [])
    .map((subnet, index) => optionalString(subnet, member, `${at}/${list}/${index}`) ?? "")
    .filter((prefix) => prefix !== "");
}

function objectAt(document: unknown, at: string): JsonObject {
  if (isObject(document)) return document;
  throw new SpecError({ at, rule: "must be a network document", value: document });
}
