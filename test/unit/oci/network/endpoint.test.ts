import assert from "node:assert/strict";
import { hcnEndpoint, hnsEndpoint } from "../../../../oci/network/endpoint.ts";
import { facetsOf, readStaticNetwork, type Facet } from "../../../../oci/network/static.ts";

const identity = { name: "web", networkId: "n1" };
const full = readStaticNetwork({
  ip: "10.0.0.5",
  netmask: "255.255.255.0",
  gateway: "10.0.0.1",
  dns: "1.1.1.1 fd00::53",
  ports: "8080:80,53:53/udp",
});
const sixth = readStaticNetwork({ ip: "fd00::5", netmask: "64", gateway: "fd00::1" });

describe("hcnEndpoint", () => {
  const bare = { Name: "web", HostComputeNetwork: "n1", SchemaVersion: { Major: 2, Minor: 0 } };
  const members: Record<Facet, object> = {
    ip: { IpConfigurations: [{ IpAddress: "10.0.0.5", PrefixLength: 24 }] },
    gateway: { Routes: [{ NextHop: "10.0.0.1", DestinationPrefix: "0.0.0.0/0" }] },
    dns: { Dns: { ServerList: ["1.1.1.1", "fd00::53"] } },
    ports: {
      Policies: [
        { Type: "PortMapping", Settings: { Protocol: 6, InternalPort: 80, ExternalPort: 8080 } },
        { Type: "PortMapping", Settings: { Protocol: 17, InternalPort: 53, ExternalPort: 53 } },
      ],
    },
  };

  it("asks for every facet", () => {
    assert.deepEqual(hcnEndpoint(identity, full, facetsOf(full)), {
      ...bare,
      ...members.ip,
      ...members.gateway,
      ...members.dns,
      ...members.ports,
    });
  });

  it("asks for an IPv6 address and its default route", () => {
    assert.deepEqual(hcnEndpoint(identity, sixth, facetsOf(sixth)), {
      ...bare,
      IpConfigurations: [{ IpAddress: "fd00::5", PrefixLength: 64 }],
      Routes: [{ NextHop: "fd00::1", DestinationPrefix: "::/0" }],
    });
  });

  it("asks for nothing without facets", () => {
    assert.deepEqual(hcnEndpoint(identity, full, new Set()), bare);
  });

  for (const facet of ["ip", "gateway", "dns", "ports"] as const) {
    it(`asks for ${facet} alone`, () => {
      assert.deepEqual(hcnEndpoint(identity, full, new Set([facet])), { ...bare, ...members[facet] });
    });
  }

  it("leaves out what nobody asked for", () => {
    const nothing = readStaticNetwork({});
    assert.deepEqual(hcnEndpoint(identity, nothing, facetsOf(full)), bare);
  });
});

describe("hnsEndpoint", () => {
  const bare = { Name: "web", VirtualNetwork: "n1" };

  it("asks for every facet", () => {
    assert.deepEqual(hnsEndpoint(identity, full, facetsOf(full)), {
      ...bare,
      IPAddress: "10.0.0.5",
      PrefixLength: 24,
      GatewayAddress: "10.0.0.1",
      DNSServerList: "1.1.1.1,fd00::53",
      Policies: [
        { Type: "NAT", Protocol: "TCP", InternalPort: 80, ExternalPort: 8080 },
        { Type: "NAT", Protocol: "UDP", InternalPort: 53, ExternalPort: 53 },
      ],
    });
  });

  it("asks for an IPv6 address and its gateway", () => {
    assert.deepEqual(hnsEndpoint(identity, sixth, facetsOf(sixth)), {
      ...bare,
      IPv6Address: "fd00::5",
      IPv6PrefixLength: 64,
      GatewayAddressV6: "fd00::1",
    });
  });

  it("asks for nothing without facets, nor for what nobody asked for", () => {
    assert.deepEqual(hnsEndpoint(identity, full, new Set()), bare);
    assert.deepEqual(hnsEndpoint(identity, readStaticNetwork({}), facetsOf(full)), bare);
  });
});
