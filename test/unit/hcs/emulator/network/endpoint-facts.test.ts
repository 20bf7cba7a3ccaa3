import assert from "node:assert/strict";
import { describeEndpoints } from "../../../../../hcs/emulator/network/endpoint-facts.ts";

const LOOPBACK = {
  ifname: "lo",
  link_type: "loopback",
  flags: ["LOOPBACK", "UP"],
  address: "00:00:00:00:00:00",
  addr_info: [],
};
const ETH0 = {
  ifname: "eth0",
  link_type: "ether",
  flags: ["BROADCAST", "UP", "LOWER_UP"],
  address: "3e:1a:00:00:00:0a",
  addr_info: [
    { family: "inet", local: "10.88.0.2", prefixlen: 16, scope: "global" },
    { family: "inet6", local: "fd00::2", prefixlen: 64, scope: "global" },
    { family: "inet6", local: "fe80::1", prefixlen: 64, scope: "link" },
  ],
};

describe("describeEndpoints", () => {
  it("gives each interface its addresses and routes", () => {
    const routes = [
      { dst: "default", gateway: "10.88.0.1", dev: "eth0", metric: 100 },
      { dst: "10.88.0.0/16", dev: "eth0", protocol: "kernel" },
      { dst: "192.0.2.7", gateway: "10.88.0.9", dev: "eth0" },
      { dst: "default", gateway: "fd00::1", dev: "eth0" },
      { dst: "2001:db8::/32", gateway: "fd00::9", dev: "eth0" },
      { dst: "203.0.113.0/24", gateway: "10.0.0.1", dev: "eth1" },
    ];
    assert.deepEqual(describeEndpoints([LOOPBACK, ETH0], routes), [
      {
        interfaceName: "eth0",
        macAddress: "3E-1A-00-00-00-0A",
        ipConfigurations: [
          { ipAddress: "10.88.0.2", prefixLength: 16 },
          { ipAddress: "fd00::2", prefixLength: 64 },
        ],
        routes: [
          { nextHop: "10.88.0.1", destinationPrefix: "0.0.0.0/0", metric: 100 },
          { nextHop: "10.88.0.9", destinationPrefix: "192.0.2.7/32" },
          { nextHop: "fd00::1", destinationPrefix: "::/0" },
          { nextHop: "fd00::9", destinationPrefix: "2001:db8::/32" },
        ],
        dns: { search: [], servers: [] },
      },
    ]);
  });

  it("leaves out loopback and what is down", () => {
    assert.deepEqual(describeEndpoints([LOOPBACK, { ...ETH0, flags: ["BROADCAST"] }, {}], []), []);
  });
});
