/** Objects of the HNS, the network service before HCN, reduced to the members that are written here. */

export interface HnsEndpoint {
  Name?: string;
  /** Id of its network. */
  VirtualNetwork?: string;
  IPAddress?: string;
  PrefixLength?: number;
  IPv6Address?: string;
  IPv6PrefixLength?: number;
  GatewayAddress?: string;
  GatewayAddressV6?: string;
  /** Comma-joined. */
  DNSServerList?: string;
  Policies?: HnsPolicy[];
}

/** Type and settings in one object. */
export interface HnsPolicy {
  Type: "NAT";
  Protocol: "TCP" | "UDP";
  InternalPort: number;
  ExternalPort: number;
}
