import assert from "node:assert/strict";
import { withStaticAdapter, withStaticEndpoint } from "../../../../oci/network/guest-documents.ts";
import { facetsOf, readStaticNetwork } from "../../../../oci/network/static.ts";

const IPV4 = readStaticNetwork({
  ip: "10.0.0.5",
  netmask: "24",
  gateway: "10.0.0.1",
  dns: "1.1.1.1 fd00::53",
  ports: "1:1",
});
const IPV6 = readStaticNetwork({ ip: "fd00::5", netmask: "64", gateway: "fd00::1" });

describe("withStaticEndpoint", () => {
  const endpoint = {
    ID: "e1",
    MacAddress: "00-15-5D-00-00-01",
    IpConfigurations: [
      { IpAddress: "172.16.0.9", PrefixLength: 16 },
      { IpAddress: "fd11::9", PrefixLength: 64 },
    ],
    Routes: [
      { NextHop: "172.16.0.1", DestinationPrefix: "0.0.0.0/0" },
      { NextHop: "172.16.0.2", DestinationPrefix: "192.168.0.0/16", Metric: 7 },
      { NextHop: "fd11::1", DestinationPrefix: "::/0" },
    ],
    Dns: { Domain: "lan", Search: ["a", "b"], ServerList: ["9.9.9.9"] },
    Policies: [{ Type: "EncapOverhead", Settings: { Overhead: 50 } }],
  };

  it("puts settings of IPv4 in the place of the endpoint's, and keeps the rest", () => {
    assert.deepEqual(withStaticEndpoint(endpoint, IPV4, facetsOf(IPV4)), {
      ...endpoint,
      IpConfigurations: [{ IpAddress: "10.0.0.5", PrefixLength: 24 }, endpoint.IpConfigurations[1]],
      Routes: [
        { NextHop: "10.0.0.1", DestinationPrefix: "0.0.0.0/0" },
        endpoint.Routes[1],
        endpoint.Routes[2],
      ],
      Dns: { Domain: "lan", Search: ["a", "b"], ServerList: ["1.1.1.1", "fd00::53"] },
    });
  });

  it("puts settings of IPv6 beside those of IPv4", () => {
    assert.deepEqual(withStaticEndpoint(endpoint, IPV6, facetsOf(IPV6)), {
      ...endpoint,
      IpConfigurations: [{ IpAddress: "fd00::5", PrefixLength: 64 }, endpoint.IpConfigurations[0]],
      Routes: [{ NextHop: "fd00::1", DestinationPrefix: "::/0" }, endpoint.Routes[0], endpoint.Routes[1]],
    });
  });

  it("fills an endpoint that has nothing", () => {
    assert.deepEqual(withStaticEndpoint({}, IPV4, new Set(["ip", "gateway", "dns"])), {
      IpConfigurations: [{ IpAddress: "10.0.0.5", PrefixLength: 24 }],
      Routes: [{ NextHop: "10.0.0.1", DestinationPrefix: "0.0.0.0/0" }],
      Dns: { ServerList: ["1.1.1.1", "fd00::53"] },
    });
  });

  for (const [facet, member] of [
    ["ip", "IpConfigurations"],
    ["gateway", "Routes"],
    ["dns", "Dns"],
  ] as const) {
    it(`replaces ${member} alone for ${facet}`, () => {
      const replaced = withStaticEndpoint(endpoint, IPV4, new Set([facet]));
      assert.deepEqual({ ...replaced, [member]: endpoint[member] }, endpoint);
      assert.notDeepEqual(replaced[member], endpoint[member]);
    });
  }

  it("changes nothing without facets or settings", () => {
    assert.deepEqual(withStaticEndpoint(endpoint, IPV4, new Set()), endpoint);
    assert.deepEqual(withStaticEndpoint(endpoint, readStaticNetwork({}), facetsOf(IPV4)), endpoint);
  });
});

describe("withStaticAdapter", () => {
  const adapter = {
    ID: "nic",
    DNSSuffix: "lan,a",
    DNSServerList: "9.9.9.9",
    IPConfigs: [{ IPAddress: "172.16.0.9", PrefixLength: 16 }],
    Routes: [{ NextHop: "172.16.0.1", DestinationPrefix: "0.0.0.0/0", Metric: 1 }],
  };

  it("puts settings in the place of the endpoint's, and keeps the rest", () => {
    assert.deepEqual(withStaticAdapter(adapter, IPV4, facetsOf(IPV4)), {
      ID: "nic",
      DNSSuffix: "lan,a",
      DNSServerList: "1.1.1.1,fd00::53",
      IPConfigs: [{ IPAddress: "10.0.0.5", PrefixLength: 24 }],
      Routes: [{ NextHop: "10.0.0.1", DestinationPrefix: "0.0.0.0/0" }],
    });
  });

  it("puts settings of IPv6 beside those of IPv4", () => {
    assert.deepEqual(withStaticAdapter(adapter, IPV6, facetsOf(IPV6)), {
      ...adapter,
      IPConfigs: [{ IPAddress: "fd00::5", PrefixLength: 64 }, adapter.IPConfigs[0]],
      Routes: [{ NextHop: "fd00::1", DestinationPrefix: "::/0" }, adapter.Routes[0]],
    });
  });

  it("changes nothing without facets", () => {
    assert.deepEqual(withStaticAdapter(adapter, IPV4, new Set()), adapter);
  });
});
