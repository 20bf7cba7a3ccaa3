/** Networks, namespaces and endpoints of the host, on a thread of their own. */
import type { CallOptions, Network, NetworkEndpoint, NetworkNamespace } from "../../api.ts";
import { HcsError } from "../../errors.ts";
import { endpointOf } from "../../hcn-endpoint.ts";
import { isNotFound } from "../../hresult.ts";
import { HRESULT } from "../../hresult-table.ts";
import type { HcnEndpoint, HcnNamespace } from "../../schema/hcn.ts";
import { isGuidText } from "../guid.ts";
import type { NativeThread, ThreadCalls } from "../threads/native-thread.ts";
import type { HcnCalls } from "./hcn-calls.ts";
import { changeOfEndpoint, endpointIds, NEW_NAMESPACE, removeNamespace } from "./namespace.ts";

export class Win32Network implements Network {
  readonly #hcn: ThreadCalls<HcnCalls>;

  constructor(thread: NativeThread) {
    this.#hcn = thread.calls<HcnCalls>("hcn");
  }

  /** @param reference id of an HCN namespace, in any case */
  async openNamespace(reference: string, options?: CallOptions): Promise<NetworkNamespace> {
    if (!isGuidText(reference)) {
      throw new HcsError({
        operation: "open network namespace",
        target: reference,
        hresult: HRESULT.invalidArgument,
        detail:
          "it must be the id of an HCN namespace, a GUID (windows.network.networkNamespace of the spec)",
      });
    }
    const document = (await this.#hcn.read(["Namespace", reference], options)) as HcnNamespace;
    const endpoints: NetworkEndpoint[] = [];
    for (const id of endpointIds(document)) {
      const endpoint = await this.#endpoint(id, options);
      if (endpoint !== undefined) endpoints.push(endpoint);
    }
    return { id: (document.ID ?? reference).toLowerCase(), endpoints, document };
  }

  async createNamespace(id: string, endpoints: readonly string[], options?: CallOptions): Promise<void> {
    await this.#hcn.create(["Namespace", NEW_NAMESPACE, id], {
      ...options,
      release: () => this.deleteNamespace(id),
    });
    try {
      for (const endpoint of endpoints)
        await this.#hcn.modify(["Namespace", id, changeOfEndpoint("Add", endpoint)], options);
    } catch (error) {
      await this.deleteNamespace(id);
      throw error;
    }
  }

  deleteNamespace(id: string, options?: CallOptions): Promise<void> {
    return removeNamespace(this.#hcn, id, options);
  }

  /** Undefined when it was deleted meanwhile. */
  async #endpoint(id: string, options: CallOptions | undefined): Promise<NetworkEndpoint | undefined> {
    try {
      return endpointOf((await this.#hcn.read(["Endpoint", id], options)) as HcnEndpoint);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}
