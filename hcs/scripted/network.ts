/** Namespaces and endpoints of the Host Compute Network, as the case has them. */
import type { Network, NetworkNamespace } from "../api.ts";
import { HcsError } from "../errors.ts";
import { endpointOf } from "../hcn-endpoint.ts";
import type { HcnEndpoint } from "../schema/hcn.ts";
import type { Platform, ScriptedNamespace } from "./platform.ts";

/** HCN_E_NAMESPACE_NOT_FOUND */
const NAMESPACE_NOT_FOUND = 0x803b_0015;
/** HCN_E_ENDPOINT_NOT_FOUND */
const ENDPOINT_NOT_FOUND = 0x803b_0002;

/** A namespace whose type is not said belongs to the host. */
const DEFAULT_TYPE = "Host";

export class ScriptedNetwork implements Network {
  readonly #platform: Platform;
  readonly #made = new Map<string, ScriptedNamespace>();

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  async openNamespace(reference: string): Promise<NetworkNamespace> {
    const namespace = this.#find(reference);
    const ids = namespace.endpoints ?? [];
    const endpoints = (this.#platform.endpoints ?? []) as readonly HcnEndpoint[];
    return {
      id: namespace.id.toLowerCase(),
      endpoints: endpoints.filter(({ ID }) => ids.includes(ID ?? "")).map(endpointOf),
      document: documentOf(namespace, ids),
    };
  }

  async createNamespace(id: string, endpoints: readonly string[]): Promise<void> {
    for (const endpoint of endpoints)
      if (!(this.#platform.endpoints ?? []).some((known) => (known as HcnEndpoint).ID === endpoint))
        throw new HcsError({ operation: "add endpoint", target: endpoint, hresult: ENDPOINT_NOT_FOUND });
    this.#made.set(id, { id, type: "", endpoints });
  }

  async deleteNamespace(id: string): Promise<void> {
    this.#made.delete(id);
  }

  /** Ids of the namespaces that were made and not removed. */
  made(): string[] {
    return [...this.#made.keys()];
  }

  #find(reference: string): ScriptedNamespace {
    const known = [...(this.#platform.namespaces ?? []), ...this.#made.values()];
    const namespace = known.find(({ id }) => id.toLowerCase() === reference.toLowerCase());
    if (namespace !== undefined) return namespace;
    throw new HcsError({ operation: "open namespace", target: reference, hresult: NAMESPACE_NOT_FOUND });
  }
}

function documentOf(
  { id, namespaceId, type }: ScriptedNamespace,
  endpoints: readonly string[],
): NonNullable<NetworkNamespace["document"]> {
  return {
    ID: id,
    ...(namespaceId === undefined ? {} : { NamespaceId: namespaceId }),
    Type: type === undefined || type === "" ? DEFAULT_TYPE : type,
    Resources: endpoints.map((ID) => ({ Type: "Endpoint", Data: { ID } })),
    SchemaVersion: { Major: 2, Minor: 0 },
  };
}
