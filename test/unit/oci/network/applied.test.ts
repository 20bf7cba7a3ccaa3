import assert from "node:assert/strict";
import fc from "fast-check";
import { appliedToHcn, appliedToHns } from "../../../../oci/network/applied.ts";
import { hcnEndpoint, hnsEndpoint } from "../../../../oci/network/endpoint.ts";
import { facetsOf, readStaticNetwork, type Facet } from "../../../../oci/network/static.ts";

const identity = { name: "web", networkId: "n1" };
const FACETS: readonly Facet[] = ["ip", "gateway", "dns", "ports"];
const IPV4 = readStaticNetwork({
  ip: "10.0.0.5",
  netmask: "24",
  gateway: "10.0.0.1",
  dns: "1.1.1.1 fd00::53",
  ports: "8080:80,53:53/udp",
});
const IPV6 = readStaticNetwork({ ip: "fd00::5", netmask: "64", gateway: "fd00::1" });

for (const { name, applied, endpoint } of [
  { name: "appliedToHcn", applied: appliedToHcn, endpoint: hcnEndpoint },
  { name: "appliedToHns", applied: appliedToHns, endpoint: hnsEndpoint },
])
  describe(name, () => {
    for (const settings of [IPV4, IPV6]) {
      it(`sees what was asked for (${settings.address?.ip.family})`, () => {
        fc.assert(
          fc.property(fc.subarray([...facetsOf(settings)]), (facets) => {
            const asked = new Set(facets);
            assert.deepEqual(applied(endpoint(identity, settings, asked), settings), asked);
          }),
        );
      });
    }

    it("sees nothing that was not asked for", () => {
      const nothing = readStaticNetwork({});
      assert.deepEqual([...applied(endpoint(identity, IPV4, new Set(FACETS)), nothing)], []);
    });

    it("sees nothing where nothing can be read", () => {
      fc.assert(
        fc.property(
          fc.oneof(
            fc.jsonValue(),
            fc.dictionary(
              fc.constantFrom("IpConfigurations", "Routes", "Dns", "Policies", "DNSServerList", "IPAddress"),
              fc.jsonValue(),
            ),
          ),
          (document) => {
            assert.deepEqual([...applied(document, IPV4)], []);
          },
        ),
      );
    });
  });

describe("appliedToHcn", () => {
  for (const [name, document, expected] of [
    [
      "addresses written otherwise",
      { IpConfigurations: [{ IpAddress: "FD00:0::5", PrefixLength: 64 }] },
      ["ip"],
    ],
    ["not another prefix length", { IpConfigurations: [{ IpAddress: "fd00::5", PrefixLength: 48 }] }, []],
    ["not another address", { IpConfigurations: [{ IpAddress: "fd00::6", PrefixLength: 64 }] }, []],
    ["default routes alone", { Routes: [{ NextHop: "fd00::1", DestinationPrefix: "fd01::/64" }] }, []],
    [
      "a default route among others",
      {
        Routes: [
          { NextHop: "10.0.0.1", DestinationPrefix: "0.0.0.0/0" },
          { NextHop: "FD00::1", DestinationPrefix: "0::/0" },
        ],
      },
      ["gateway"],
    ],
    ["null for lists", { IpConfigurations: null, Routes: null, Dns: null, Policies: null }, []],
  ] as const) {
    it(`sees ${name}`, () => {
      assert.deepEqual([...appliedToHcn(document, IPV6)], expected);
    });
  }

  for (const [servers, expected] of [
    [["1.1.1.1", "fd00::53"], true],
    [["9.9.9.9", "1.1.1.1", "8.8.8.8", "FD00::53"], true],
    [["fd00::53", "1.1.1.1"], false],
    [["1.1.1.1"], false],
    [[], false],
  ] as const) {
    it(`says ${expected} of the name servers ${servers.join(" ") || "(none)"}`, () => {
      assert.equal(appliedToHcn({ Dns: { ServerList: servers } }, IPV4).has("dns"), expected);
    });
  }

  it("sees ports when all are there", () => {
    const { Policies = [] } = hcnEndpoint(identity, IPV4, new Set(["ports"]));
    assert.ok(!appliedToHcn({ Policies: Policies.slice(1) }, IPV4).has("ports"));
    assert.ok(appliedToHcn({ Policies: [{ Type: "ACL", Settings: {} }, ...Policies] }, IPV4).has("ports"));
  });
});
