/** Networks of the host and what a client that knows no CNI makes in them: namespaces and endpoints. */
import type { CallOptions } from "./call.ts";
import type { HcnEndpoint } from "../schema/hcn.ts";

/** A network as its service describes it; candidates for a choice are read from it. */
export interface HostNetwork {
  readonly id: string;
  readonly name?: string;
  readonly switchName?: string;
  /** `NAT`, `ICS`, `Transparent` … */
  readonly type?: string;
  /** `10.0.0.0/24` */
  readonly subnets: readonly string[];
  /** The host's own address in it. */
  readonly hostAddress?: string;
}

export interface HostNetworks {
  list(options?: CallOptions): Promise<HostNetwork[]>;
  /** @param name unique on the host @returns what a spec names the namespace by */
  createNamespace(name: string, options?: CallOptions): Promise<string>;
  /** With the endpoints in it. One that is not there is success. */
  deleteNamespace(reference: string, options?: CallOptions): Promise<void>;
  /**
   * An endpoint in a network, added to a namespace. Services leave out what they do not know.
   *
   * @returns the endpoint as it is
   * @throws {HcsError} invalid argument when the service takes none of the settings
   */
  createEndpoint(namespace: string, endpoint: HcnEndpoint, options?: CallOptions): Promise<HcnEndpoint>;
}
