/** Objects of the Host Compute Network, reduced to the members that are read or written here. */
import type { SchemaVersion } from "./compute-system.ts";

export interface HcnNamespace {
  ID?: string;
  NamespaceId?: number;
  Type?: string;
  Resources?: { Type: string; Data: unknown }[];
  SchemaVersion?: SchemaVersion;
}

export interface HcnEndpoint {
  ID?: string;
  Name?: string;
  HostComputeNetwork?: string;
  HostComputeNamespace?: string;
  Policies?: { Type: string; Settings: unknown }[];
  IpConfigurations?: { IpAddress?: string; PrefixLength?: number }[];
  Dns?: { Domain?: string; Search?: string[]; ServerList?: string[]; Options?: string[] };
  Routes?: { NextHop?: string; DestinationPrefix?: string; Metric?: number }[];
  MacAddress?: string;
  Flags?: number;
  Health?: unknown;
  SchemaVersion?: SchemaVersion;
}
