/**
 * Networks of a Windows host for clients without CNI. The networks are listed by the HNS, which alone knows switches by name;
 * namespaces and endpoints are made by HCN, under the same network ids.
 */
import type { CallOptions } from "../../api.ts";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import type { HostNetwork, HostNetworks } from "../../port/networks.ts";
import type { HcnEndpoint, HcnNamespace } from "../../schema/hcn.ts";
import type { ThreadCalls } from "../threads/native-thread.ts";
import type { HcnCalls } from "./hcn-calls.ts";
import type { HnsCalls } from "./hns-calls.ts";
import { changeOfEndpoint, NEW_NAMESPACE, removeNamespace, unlessGone } from "./namespace.ts";

/** Both network services; their calls block, so a thread makes them. */
export interface NetworkServices {
  readonly hcn: ThreadCalls<HcnCalls>;
  readonly hns: ThreadCalls<HnsCalls>;
}

/** Of a network as `GET /networks/` gives it, the members used. */
interface HnsNetwork {
  readonly ID?: unknown;
  readonly Name?: unknown;
  readonly SwitchName?: unknown;
  readonly Type?: unknown;
  readonly Subnets?: unknown;
}

interface HnsSubnet {
  readonly AddressPrefix?: unknown;
  /** The host's own address where it forwards. */
  readonly GatewayAddress?: unknown;
}

export class Win32HostNetworks implements HostNetworks {
  readonly #services: NetworkServices;

  constructor(services: NetworkServices) {
    this.#services = services;
  }

  async list(options?: CallOptions): Promise<HostNetwork[]> {
    const output = await this.#services.hns.request(["GET", "/networks/"], options);
    // Go's encoding of no networks at all.
    const networks = output ?? [];
    if (Array.isArray(networks)) return networks.map((each) => networkOf(each as HnsNetwork));
    throw new HcsError({
      operation: "list networks",
      target: "/networks/",
      hresult: HRESULT.invalidJson,
      detail: `the network service answered ${JSON.stringify(output)}`,
    });
  }

  /** HCN names namespaces by ids alone: `name` is for those who have to make up one. */
  async createNamespace(_name: string, options?: CallOptions): Promise<string> {
    const { hcn } = this.#services;
    const created = (await hcn.create(["Namespace", NEW_NAMESPACE], {
      ...options,
      release: (late) => this.deleteNamespace((late as HcnNamespace).ID ?? ""),
    })) as HcnNamespace;
    return idOf("create network namespace", created);
  }

  async deleteNamespace(reference: string, options?: CallOptions): Promise<void> {
    const { hcn } = this.#services;
    await removeNamespace(hcn, reference, options, (id) => hcn.remove(["Endpoint", id], options));
  }

  async createEndpoint(
    namespace: string,
    endpoint: HcnEndpoint,
    options?: CallOptions,
  ): Promise<HcnEndpoint> {
    const { hcn } = this.#services;
    const action = "create endpoint";
    const network = endpoint.HostComputeNetwork ?? "";
    const created = (await hcn.createEndpoint([network, endpoint], {
      ...options,
      release: (late) => hcn.remove(["Endpoint", (late as HcnEndpoint).ID ?? ""]),
    })) as HcnEndpoint;
    const id = idOf(action, created);
    try {
      await hcn.modify(["Namespace", namespace, changeOfEndpoint("Add", id)], options);
      // As it is, not as it was asked for: the service leaves out what it does not know.
      return (await hcn.read(["Endpoint", id], options)) as HcnEndpoint;
    } catch (error) {
      await unlessGone(() => hcn.remove(["Endpoint", id]));
      throw error;
    }
  }
}

function idOf(operation: string, { ID }: { readonly ID?: string }): string {
  if (ID !== undefined && ID !== "") return ID.toLowerCase();
  const detail = "the network service did not say its id";
  throw new HcsError({ operation, hresult: HRESULT.invalidJson, detail });
}

function networkOf({ ID, Name, SwitchName, Type, Subnets }: HnsNetwork): HostNetwork {
  const subnets = (Array.isArray(Subnets) ? Subnets : []) as HnsSubnet[];
  const name = text(Name);
  const switchName = text(SwitchName);
  const type = text(Type);
  const hostAddress = text(subnets[0]?.GatewayAddress);
  return {
    id: idOf("list networks", { ID: text(ID) ?? "" }),
    ...(name === undefined ? {} : { name }),
    ...(switchName === undefined ? {} : { switchName }),
    ...(type === undefined ? {} : { type }),
    subnets: subnets.map(({ AddressPrefix }) => text(AddressPrefix)).filter((prefix) => prefix !== undefined),
    ...(hostAddress === undefined ? {} : { hostAddress }),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
