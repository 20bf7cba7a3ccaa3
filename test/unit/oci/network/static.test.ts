import assert from "node:assert/strict";
import fc from "fast-check";
import { SpecError } from "../../../../oci/errors.ts";
import { facetsOf, readStaticNetwork, type StaticInputs } from "../../../../oci/network/static.ts";

const SUBNETS = ["10.0.0.0/16", "10.0.3.0/24", "fd00::/64"];

/** What was read, as text. */
function read(inputs: StaticInputs, subnets: readonly string[] = SUBNETS) {
  const { address, gateway, dns, ports } = readStaticNetwork(inputs, subnets);
  return {
    address: address && `${address.ip.text}/${address.prefixLength}`,
    gateway: gateway?.text,
    dns: dns.map(({ text }) => text),
    ports: ports.length,
  };
}

const NOTHING = { address: undefined, gateway: undefined, dns: [], ports: 0 };

describe("readStaticNetwork", () => {
  for (const [name, inputs, expected] of [
    ["nothing", {}, {}],
    ["blank texts as absent", { ip: " ", netmask: "", gateway: "\t", dns: " ,; ", ports: "," }, {}],
    [
      "an address with a netmask",
      { ip: "192.168.1.5", netmask: "255.255.255.0" },
      { address: "192.168.1.5/24" },
    ],
    [
      "an address with a prefix length",
      { ip: " 192.168.1.5 ", netmask: " 24 " },
      { address: "192.168.1.5/24" },
    ],
    ["an IPv6 prefix longer than 32", { ip: "FD00::5", netmask: "64" }, { address: "fd00::5/64" }],
    [
      "the prefix length of the smallest subnet that contains the address",
      { ip: "10.0.3.9" },
      { address: "10.0.3.9/24" },
    ],
    [
      "the prefix length of the only subnet that contains the address",
      { ip: "10.0.4.9" },
      { address: "10.0.4.9/16" },
    ],
    ["a gateway", { ip: "10.0.4.9", gateway: "10.0.0.1" }, { address: "10.0.4.9/16", gateway: "10.0.0.1" }],
    [
      "a gateway outside the subnet",
      { ip: "10.0.4.9", gateway: "172.16.0.1" },
      { address: "10.0.4.9/16", gateway: "172.16.0.1" },
    ],
    [
      "the host's address as gateway when there is no other",
      { ip: "10.0.4.9", hostIp: "10.0.0.2" },
      { address: "10.0.4.9/16", gateway: "10.0.0.2" },
    ],
    [
      "the gateway before the host's address",
      { ip: "10.0.4.9", gateway: "10.0.0.1", hostIp: "10.0.0.2" },
      { address: "10.0.4.9/16", gateway: "10.0.0.1" },
    ],
    ["no gateway for the host's address alone", { hostIp: "10.0.0.2" }, {}],
    [
      "name servers between any separators, each once",
      { dns: "1.1.1.1,8.8.8.8;  fd00::1\n1.1.1.1\tFD00:0::1" },
      { dns: ["1.1.1.1", "8.8.8.8", "fd00::1"] },
    ],
    ["ports without an address", { ports: "80:80,53:53/udp" }, { ports: 2 }],
  ] as const) {
    it(`reads ${name}`, () => {
      assert.deepEqual(read(inputs), { ...NOTHING, ...expected });
    });
  }

  for (const [inputs, message] of [
    [
      { ip: "10.0.0.300" },
      '/network/ip: must be an IP address without prefix length, zone or leading zeros (found "10.0.0.300")',
    ],
    [
      { ip: "10.0.0.3/8" },
      '/network/ip: must be an IP address without prefix length, zone or leading zeros (found "10.0.0.3/8")',
    ],
    [{ netmask: "24" }, '/network/netmask: needs an address: give ip too (found "24")'],
    [
      { ip: "172.16.0.5" },
      '/network/ip: needs a netmask outside the subnets of its network (10.0.0.0/16, 10.0.3.0/24, fd00::/64) (found "172.16.0.5")',
    ],
    [
      { ip: "fd00::5", netmask: "255.255.255.0" },
      '/network/netmask: must be a prefix length of 0 to 128 (found "255.255.255.0")',
    ],
    [
      { ip: "10.0.0.0", netmask: "24" },
      '/network/ip: must not be the first or the last address of its subnet (/24) (found "10.0.0.0")',
    ],
    [
      { ip: "10.0.3.255" },
      '/network/ip: must not be the first or the last address of its subnet (/24) (found "10.0.3.255")',
    ],
    [
      { ip: "127.0.0.1", netmask: "8" },
      '/network/ip: must be the address of one host, not of 127.0.0.0/8 (found "127.0.0.1")',
    ],
    [
      { ip: "ff02::1", netmask: "8" },
      '/network/ip: must be the address of one host, not of ff00::/8 (found "ff02::1")',
    ],
    [
      { gateway: "10.0.0.1" },
      '/network/gateway: needs an address: give ip and netmask too (found "10.0.0.1")',
    ],
    [
      { ip: "10.0.4.9", gateway: "fd00::1" },
      '/network/gateway: must be of the family of ip, IPv4 (found "fd00::1")',
    ],
    [
      { ip: "10.0.4.9", hostIp: "fd00::1" },
      '/network/hostIp: must be of the family of ip, IPv4 (found "fd00::1")',
    ],
    [
      { ip: "fd00::1", gateway: "fd00:0::1" },
      '/network/gateway: must be another address than ip (found "fd00:0::1")',
    ],
    [
      { ip: "10.0.4.9", gateway: "0.0.0.0" },
      '/network/gateway: must be the address of one host, not of 0.0.0.0/32 (found "0.0.0.0")',
    ],
    [
      { dns: "1.1.1.1 dns.example" },
      '/network/dns: must be an IP address without prefix length, zone or leading zeros (found "dns.example")',
    ],
    [
      { ports: "http" },
      '/network/ports: must be host port:container port[/tcp|udp], ports being 1 to 65535 (found "http")',
    ],
  ] as const) {
    it(`refuses ${JSON.stringify(inputs)}`, () => {
      assert.throws(() => read(inputs), {
        name: "SpecError",
        refusal: "invalid argument",
        message: `invalid ${message}`,
      });
    });
  }

  it("says that a network has no subnets", () => {
    assert.throws(() => read({ ip: "10.0.0.3" }, []), /its network \(which has none\) \(found "10.0.0.3"\)$/);
  });

  it("throws nothing but SpecError", () => {
    const text = fc.option(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.nat(140).map(String)), {
      nil: undefined,
    });
    const inputs = fc.record({
      ip: text,
      netmask: text,
      gateway: text,
      hostIp: text,
      dns: text,
      ports: text,
    });
    fc.assert(
      fc.property(
        inputs,
        fc.array(
          fc.oneof(
            fc.string(),
            fc.ipV4().map((ip) => `${ip}/8`),
          ),
        ),
        (given, subnets) => {
          try {
            readStaticNetwork(given, subnets);
          } catch (error) {
            assert.ok(error instanceof SpecError);
          }
        },
      ),
    );
  });
});

describe("facetsOf", () => {
  it("are those asked for", () => {
    const inputs = { ip: "10.0.4.9", gateway: "10.0.0.1", dns: "1.1.1.1", ports: "1:1" };
    assert.deepEqual([...facetsOf(readStaticNetwork(inputs, SUBNETS))], ["ip", "gateway", "dns", "ports"]);
    assert.deepEqual([...facetsOf(readStaticNetwork({}))], []);
    assert.deepEqual([...facetsOf(readStaticNetwork({ dns: "1.1.1.1" }))], ["dns"]);
  });
});
