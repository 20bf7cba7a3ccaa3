/**
 * The compute network on Linux: a namespace is a network namespace file (as CNI and `ip netns` make them), its
 * endpoints are the interfaces in it. A NIC of a VM is the whole prepared namespace, handed to the guest.
 */
import { readlinkSync, realpathSync, statfsSync, statSync } from "node:fs";
import { basename } from "node:path";
import type { CallOptions, Network, NetworkEndpoint, NetworkNamespace } from "../../api.ts";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import type { HcnEndpoint } from "../../schema/hcn.ts";
import type { Calls } from "../calls.ts";
import { readEndpoints, type EndpointFacts } from "./endpoint-facts.ts";
import { nameGuid } from "../guid.ts";
import { readMounts } from "../storage/mount-table.ts";

/** Name spaces of the GUIDs made here. */
const NAMESPACE_SPACE = "6e6ab5d0-3c3f-5d8e-9a37-6b0f3a1c8f11";
const ENDPOINT_SPACE = "c2a4e0b6-9f0e-5f4e-8a52-0f1d7f6b2d43";

/** File system type of namespace files (statfs(2)). */
const NSFS_MAGIC = 0x6e73_6673;

/** A network namespace that somebody has opened. */
export interface KnownNamespace {
  readonly path: string;
  /** `device:inode`, which is the identity of a namespace. */
  readonly identity: string;
}

/** Of what HCN describes (hcn.h). */
const SCHEMA = { Major: 2, Minor: 0 };

const NO_INTERFACES: EndpointFacts = {
  interfaceName: "none",
  macAddress: "",
  ipConfigurations: [],
  routes: [],
  dns: { search: [], servers: [] },
};

export class EmulatedNetwork implements Network {
  readonly #calls: Calls;
  readonly #byEndpoint = new Map<string, KnownNamespace>();

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  openNamespace(reference: string, options: CallOptions = {}): Promise<NetworkNamespace> {
    const call = { phrase: "open network namespace", target: reference, ...options };
    return this.#calls.run("network.openNamespace", call, async () => {
      const namespace = this.#identify(reference);
      const found = await readEndpoints(namespace.path, options.signal);
      // The namespace reaches the guest as a NIC, also one in which nothing is (up).
      const facts = found === undefined || found.length === 0 ? [NO_INTERFACES] : found;
      const id = nameGuid(NAMESPACE_SPACE, namespace.identity);
      const endpoints = facts.map((one) => describeEndpoint(id, basename(reference), one));
      for (const endpoint of endpoints) this.#byEndpoint.set(endpoint.id, namespace);
      return { id, endpoints, document: { ID: id, Type: "Guest", SchemaVersion: SCHEMA } };
    });
  }

  /**
   * The namespace of endpoint `id`. Undefined for an endpoint nobody has looked up here, and for one whose namespace
   * has been replaced since.
   */
  namespaceOf(id: string): KnownNamespace | undefined {
    const known = this.#byEndpoint.get(id.toLowerCase());
    return known !== undefined && identityOf(known.path) === known.identity ? known : undefined;
  }

  #identify(reference: string): KnownNamespace {
    const refuse = (hresult: number, detail: string): never => {
      throw new HcsError({ operation: "open network namespace", target: reference, hresult, detail });
    };
    const identity = identityOf(reference) ?? refuse(HRESULT.elementNotFound, "no such file");
    if (statfsSync(reference).type !== NSFS_MAGIC)
      refuse(HRESULT.invalidArgument, "it is not a namespace file");
    const kind = namespaceKind(reference);
    if (kind !== undefined && kind !== "net") refuse(HRESULT.invalidArgument, `it is a ${kind} namespace`);
    return { path: reference, identity };
  }
}

function describeEndpoint(namespaceId: string, namespaceName: string, facts: EndpointFacts): NetworkEndpoint {
  const { interfaceName, ...rest } = facts;
  const id = nameGuid(ENDPOINT_SPACE, `${namespaceId}/${interfaceName}`);
  const endpoint = { id, name: `${namespaceName}_${interfaceName}`, ...rest };
  return { ...endpoint, document: hcnDocument(namespaceId, endpoint) };
}

/** The endpoint in the words of HCN. Which network it is in cannot be seen from inside a namespace. */
function hcnDocument(
  namespaceId: string,
  { id, name, macAddress, ipConfigurations, routes, dns }: NetworkEndpoint,
): HcnEndpoint {
  return {
    ID: id,
    Name: name,
    HostComputeNamespace: namespaceId,
    MacAddress: macAddress,
    IpConfigurations: ipConfigurations.map(({ ipAddress, prefixLength }) => ({
      IpAddress: ipAddress,
      PrefixLength: prefixLength,
    })),
    Routes: routes.map(({ nextHop, destinationPrefix, metric }) => ({
      NextHop: nextHop,
      DestinationPrefix: destinationPrefix,
      ...(metric === undefined ? {} : { Metric: metric }),
    })),
    Dns: { Search: [...dns.search], ServerList: [...dns.servers] },
    SchemaVersion: SCHEMA,
  };
}

function identityOf(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat && `${stat.dev}:${stat.ino}`;
}

/** `net` of `net:[4026531840]`, which is what a link below /proc points to and what a mount of the file shows. */
function namespaceKind(path: string): string | undefined {
  let text: string | undefined;
  try {
    text = readlinkSync(path);
  } catch (error) {
    // Not a link: a file on which the namespace is mounted.
    if ((error as NodeJS.ErrnoException).code !== "EINVAL") throw error;
    const real = realpathSync(path);
    text = readMounts().findLast(({ mountPoint }) => mountPoint === real)?.root;
  }
  return /^(\w+):\[\d+\]$/.exec(text ?? "")?.[1];
}
