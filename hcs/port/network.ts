/** The network that a pod is given: the endpoints in its namespace. */
import type { HcnEndpoint, HcnNamespace } from "../schema/hcn.ts";
import type { CallOptions } from "./call.ts";

export interface Network {
  /**
   * Resolves what a spec names as its network to a namespace of the compute network: on Windows the id of an
   * HCN namespace, on the emulator the path of a network namespace.
   */
  openNamespace(reference: string, options?: CallOptions): Promise<NetworkNamespace>;
  /**
   * Makes a namespace for a container that brings none, with endpoints that exist. On failure there is none. Absent where
   * such a container gets a network of its own without.
   *
   * @param id lower-case GUID, chosen by the caller
   */
  createNamespace?(id: string, endpoints: readonly string[], options?: CallOptions): Promise<void>;
  /** Takes its endpoints out, which stay, and removes it. One that is not there is success. */
  deleteNamespace?(id: string, options?: CallOptions): Promise<void>;
}

export interface NetworkNamespace {
  /** Lower-case GUID. */
  readonly id: string;
  readonly endpoints: readonly NetworkEndpoint[];
  /** As HCN describes it: what a Windows guest is told. Absent where there is no HCN. */
  readonly document?: HcnNamespace;
}

/** The parts of an HCN endpoint that a guest needs. */
export interface NetworkEndpoint {
  /** Lower-case GUID. */
  readonly id: string;
  readonly name: string;
  /** `00-15-5D-…`, as HCN writes it. */
  readonly macAddress: string;
  readonly ipConfigurations: readonly { readonly ipAddress: string; readonly prefixLength: number }[];
  readonly routes: readonly {
    readonly nextHop: string;
    readonly destinationPrefix: string;
    readonly metric?: number;
  }[];
  readonly dns: DnsSettings;
  /** As HCN describes it: what a Windows guest is told. Absent where there is no HCN. */
  readonly document?: HcnEndpoint;
}

export interface DnsSettings {
  readonly domain?: string;
  readonly search: readonly string[];
  readonly servers: readonly string[];
}
