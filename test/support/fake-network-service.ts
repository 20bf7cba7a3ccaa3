/** The network services of a Windows host, in memory: HCN's objects, which leave out what they are told to, and HNS's list. */
import { randomUUID } from "node:crypto";
import { HcsError } from "../../hcs/errors.ts";
import { HRESULT } from "../../hcs/hresult-table.ts";
import type { HcnKind } from "../../hcs/win32/network/hcn-calls.ts";
import type { NetworkServices } from "../../hcs/win32/network/host-networks.ts";

type Document = Record<string, unknown>;

export interface FakeNetworkServiceOptions {
  /** As `GET /networks/` of the HNS gives them. */
  readonly networks?: readonly Document[] | null;
  /** Members of endpoints that the service does not know, and leaves out. */
  readonly drops?: readonly string[];
  /** Endpoints with one of these members are refused as an invalid argument. */
  readonly refuses?: readonly string[];
  /** Endpoints cannot be added to namespaces. */
  readonly refusesToAdd?: boolean;
}

export class FakeNetworkService {
  readonly objects: Readonly<Record<HcnKind, Map<string, Document>>> = {
    Network: new Map(),
    Namespace: new Map(),
    Endpoint: new Map(),
  };
  /** Endpoints as they were asked for. */
  readonly asked: Document[] = [];
  readonly services: NetworkServices;
  readonly #options: FakeNetworkServiceOptions;

  constructor(options: FakeNetworkServiceOptions = {}) {
    this.#options = options;
    this.services = {
      hns: {
        request: async ([method, path]) => {
          if (method === "GET" && path === "/networks/") return this.#options.networks ?? null;
          throw refusal(HRESULT.elementNotFound, `${method} ${path}`);
        },
      },
      hcn: {
        enumerate: async ([kind]) => [...this.objects[kind].keys()],
        list: async ([kind]) => [...this.objects[kind].values()],
        read: async ([kind, id]) => this.#find(kind, id),
        create: async ([kind, settings]) => this.#add(kind, settings as Document),
        createEndpoint: async ([network, settings]) => this.#createEndpoint(network, settings as Document),
        modify: async ([kind, id, request]) => this.#modify(kind, id, request as NamespaceChange),
        remove: async ([kind, id]) => {
          this.#find(kind, id);
          this.objects[kind].delete(id);
        },
      },
    };
  }

  /** What anybody holds. */
  get isEmpty(): boolean {
    return this.objects.Namespace.size === 0 && this.objects.Endpoint.size === 0;
  }

  #createEndpoint(network: string, settings: Document): Document {
    this.asked.push(settings);
    const { drops = [], refuses = [], networks } = this.#options;
    if (networks?.some(({ ID }) => String(ID).toLowerCase() === network) !== true)
      throw refusal(HRESULT.elementNotFound, network);
    if (refuses.some((member) => settings[member] !== undefined))
      throw refusal(HRESULT.invalidArgument, "endpoint");
    const known = Object.entries(settings).filter(([member]) => !drops.includes(member));
    return this.#add("Endpoint", { ...Object.fromEntries(known), HostComputeNetwork: network });
  }

  #modify(kind: HcnKind, id: string, { RequestType, Settings: { EndpointId } }: NamespaceChange): void {
    const object = this.#find(kind, id);
    this.#find("Endpoint", EndpointId);
    if (this.#options.refusesToAdd === true) throw refusal(HRESULT.accessDenied, id);
    const others = ((object["Resources"] ?? []) as NamespaceResource[]).filter(
      ({ Data }) => Data.ID !== EndpointId,
    );
    const added = RequestType === "Add" ? [{ Type: "Endpoint", Data: { ID: EndpointId } }] : [];
    this.objects[kind].set(id, { ...object, Resources: [...others, ...added] });
  }

  #add(kind: HcnKind, settings: Document): Document {
    const id = randomUUID();
    const object = { ...settings, ID: id };
    this.objects[kind].set(id, object);
    return object;
  }

  #find(kind: HcnKind, id: string): Document {
    const found = this.objects[kind].get(id);
    if (found === undefined) throw refusal(HRESULT.elementNotFound, id);
    return found;
  }
}

interface NamespaceResource {
  readonly Type: string;
  readonly Data: { readonly ID: string };
}

interface NamespaceChange {
  readonly RequestType: "Add" | "Remove";
  readonly Settings: { readonly EndpointId: string };
}

function refusal(hresult: number, target: string): HcsError {
  return new HcsError({ operation: "ask the network service", target, hresult });
}
