/**
 * Gives a container a network without CNI: chooses one of the host's by the name of its switch, makes a namespace with an
 * endpoint, and has the static settings applied, by the endpoint first, by the guest what is left.
 */
import { join } from "node:path";
import { rm } from "node:fs/promises";
import { isNotFound } from "../../../hcs/hresult.ts";
import { HRESULT } from "../../../hcs/hresult-table.ts";
import type { HostNetwork, HostNetworks } from "../../../hcs/port/networks.ts";
import type { HcnEndpoint } from "../../../hcs/schema/hcn.ts";
import { appliedToHcn } from "../../../oci/network/applied.ts";
import { hcnEndpoint } from "../../../oci/network/endpoint.ts";
import type { GuestCommand, GuestOs } from "../../../oci/network/guest-command.ts";
import { guestCommand } from "../../../oci/network/guest-command.ts";
import { realiseStatic, type FacetPath } from "../../../oci/network/realise.ts";
import { selectHnsNetwork, type SelectedNetwork } from "../../../oci/network/select.ts";
import { facetsOf, readStaticNetwork, type Facet, type StaticNetwork } from "../../../oci/network/static.ts";
import { readIfPresent, writeFileAtomically } from "../../bootstrap/bundle.ts";
import { messageOf } from "../../errors.ts";
import { ClientError, clientError } from "../errors.ts";
import type { NetworkOptions } from "../options/options.ts";
import { releaseAddress, reserveAddress, takeAddress } from "./addresses.ts";

export interface JoinInit {
  readonly networks: HostNetworks;
  /** Of the container, unique on this host. */
  readonly name: string;
  readonly os: GuestOs;
  /** Where it is written down what is held. */
  readonly directory: string;
  /** Where leases of addresses are. */
  readonly leases: string;
  readonly warn: (warning: string) => void;
}

export interface JoinedNetwork {
  /** For the spec: path or id of the namespace. */
  readonly namespace: string;
  readonly networkId: string;
  readonly networkName: string;
  /** It does not answer to the name that was asked for. */
  readonly fallback: boolean;
  readonly endpointId: string;
  /** Who applies which of the static settings. */
  readonly via: Readonly<Partial<Record<Facet, FacetPath>>>;
  /** To be run in the container once it runs, for what the endpoint does not have. */
  readonly command?: GuestCommand;
  /** What the guest cannot apply is left out. */
  readonly isBestEffort?: true;
}

/** What a container holds, as it is written down. */
export interface NetworkRecord {
  readonly namespace?: string;
  readonly lease?: string;
  readonly joined?: JoinedNetwork;
}

const RECORD = "network.json";

/** @throws {ClientError} when there is no such network, or it cannot be joined; nothing is left then */
export async function joinNetwork(options: NetworkOptions, init: JoinInit): Promise<JoinedNetwork> {
  try {
    return await makeEndpoint(options, init);
  } catch (error) {
    await leaveNetwork(init.networks, init.directory);
    throw clientError(`cannot give container "${init.name}" a network`, error);
  }
}

/** Chooses as {@link joinNetwork} does. */
export async function chooseNetwork(
  networks: HostNetworks,
  { switchName, requireMatch }: Pick<NetworkOptions, "switchName" | "requireMatch">,
): Promise<SelectedNetwork<HostNetwork>> {
  return selectHnsNetwork(await networks.list(), { switchName, requireMatch: requireMatch ?? false });
}

/** Undoes what was written down. Twice is success. */
export async function leaveNetwork(networks: HostNetworks, directory: string): Promise<void> {
  const record = readNetworkRecord(directory);
  if (record === undefined) return;
  if (record.namespace !== undefined) await networks.deleteNamespace(record.namespace);
  if (record.lease !== undefined) await releaseAddress(record.lease);
  await rm(join(directory, RECORD), { force: true });
}

export function readNetworkRecord(directory: string): NetworkRecord | undefined {
  const text = readIfPresent(join(directory, RECORD));
  return text === undefined ? undefined : (JSON.parse(text) as NetworkRecord);
}

async function makeEndpoint(options: NetworkOptions, init: JoinInit): Promise<JoinedNetwork> {
  const { networks, name, directory, warn } = init;
  const note = (record: NetworkRecord): void =>
    writeFileAtomically(join(directory, RECORD), JSON.stringify(record));
  const { network, fallback, warnings } = await chooseNetwork(networks, options);
  for (const { message } of warnings) warn(message);
  const { settings, lease } = await addressed(options, network, init);
  note({ ...(lease === undefined ? {} : { lease }) });
  const namespace = await networks.createNamespace(name);
  note({ namespace, ...(lease === undefined ? {} : { lease }) });
  const endpoint = await createEndpoint(networks, namespace, { name, networkId: network.id }, settings);
  const applied = appliedToHcn(endpoint, settings);
  const { via, command, warnings: lost } = realise(init.os, settings, applied);
  for (const warning of lost) warn(warning);
  const joined: JoinedNetwork = {
    namespace,
    networkId: network.id,
    networkName: network.name ?? network.id,
    fallback,
    endpointId: endpoint.ID ?? "",
    via: Object.fromEntries(via),
    ...(command === undefined ? {} : { command }),
    ...(options.policy === "best-effort" ? { isBestEffort: true } : {}),
  };
  note({ namespace, ...(lease === undefined ? {} : { lease }), joined });
  return joined;
}

/** A container in a Linux guest is reached by a program as well as one of Windows; which of them it is, decides which program. */
function realise(
  os: GuestOs,
  settings: StaticNetwork,
  applied: ReadonlySet<Facet>,
): {
  via: ReadonlyMap<Facet, FacetPath>;
  command: GuestCommand | undefined;
  warnings: string[];
} {
  const target = { kind: "windows-host" } as const;
  const { via, warnings } = realiseStatic(target, settings, applied);
  const missing = new Set([...via].filter(([, path]) => path === "guest").map(([facet]) => facet));
  return {
    via,
    command: guestCommand(os, settings, missing),
    warnings: warnings.map(({ message }) => message),
  };
}

/** The settings asked for, or an address of the network's own choosing, with the host as the gateway. */
async function addressed(
  options: NetworkOptions,
  network: HostNetwork,
  { leases, name }: JoinInit,
): Promise<{ settings: StaticNetwork; lease: string | undefined }> {
  const { ip, netmask, gateway, dns, ports } = options;
  const inputs = { ip, netmask, gateway, dns, ports, hostIp: network.hostAddress };
  const directory = join(leases, network.id);
  if (ip !== undefined) {
    const settings = readStaticNetwork(inputs, network.subnets);
    const lease = await reserveAddress(directory, settings.address?.ip.text ?? ip, name);
    if (lease === undefined)
      throw new ClientError("AlreadyExists", `address ${ip} is taken by another container of this network`, {
        ip,
      });
    return { settings, lease };
  }
  const [subnet] = network.subnets;
  if (subnet === undefined)
    return { settings: readStaticNetwork({ ...inputs, hostIp: undefined }), lease: undefined };
  const taken = [network.hostAddress, gateway].filter((each) => each !== undefined);
  const given = await takeAddress(directory, subnet, name, taken);
  const settings = readStaticNetwork({ ...inputs, ip: given.ip, netmask: String(given.prefixLength) });
  return { settings, lease: given.lease };
}

/** Refused with its static settings it is made without them, and the guest has them all to apply. */
async function createEndpoint(
  networks: HostNetworks,
  namespace: string,
  identity: { readonly name: string; readonly networkId: string },
  settings: StaticNetwork,
): Promise<HcnEndpoint> {
  try {
    return await networks.createEndpoint(namespace, hcnEndpoint(identity, settings, facetsOf(settings)));
  } catch (error) {
    if (isNotFound(error) || facetsOf(settings).size === 0 || !isInvalidArgument(error)) throw error;
    return networks.createEndpoint(namespace, hcnEndpoint(identity, settings, new Set()));
  }
}

function isInvalidArgument(error: unknown): boolean {
  return (
    (error as { hresult?: unknown }).hresult === HRESULT.invalidArgument ||
    /invalid argument/i.test(messageOf(error))
  );
}
