import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Win32HostNetworks } from "../../../../../hcs/win32/network/host-networks.ts";
import type { Facet } from "../../../../../oci/network/static.ts";
import { ClientError } from "../../../../../shim/client/errors.ts";
import {
  chooseNetwork,
  joinNetwork,
  leaveNetwork,
  type JoinedNetwork,
} from "../../../../../shim/client/network/join.ts";
import type { GuestOs, NetworkOptions } from "../../../../../shim/client/options/options.ts";
import {
  FakeNetworkService,
  type FakeNetworkServiceOptions,
} from "../../../../support/fake-network-service.ts";
import { NETWORK_CHOICES } from "../../../../support/network-choices.ts";

const NETWORK = {
  ID: "c08cb7b8-9b3c-408e-8e30-5e16a3aeb444",
  Name: "nat",
  SwitchName: "nat",
  Type: "NAT",
  Subnets: [{ AddressPrefix: "10.9.0.0/24", GatewayAddress: "10.9.0.1" }],
};

/** What every static setting is called in the document of an endpoint. */
const MEMBER: Readonly<Record<Facet, string>> = {
  ip: "IpConfigurations",
  gateway: "Routes",
  dns: "Dns",
  ports: "Policies",
};
const FACETS = Object.keys(MEMBER) as Facet[];

const WISH = {
  switchName: "nat",
  ip: "10.9.0.7",
  netmask: "255.255.255.0",
  gateway: "10.9.0.254",
  dns: "1.1.1.1; 8.8.8.8",
  ports: "8080:80",
} satisfies NetworkOptions;

describe("joinNetwork", () => {
  let directory: string;
  let warnings: string[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "join-"));
    warnings = [];
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  async function joined(
    options: FakeNetworkServiceOptions,
    wish: NetworkOptions = WISH,
    os: GuestOs = "windows",
  ): Promise<{ service: FakeNetworkService; network: JoinedNetwork; networks: Win32HostNetworks }> {
    const service = new FakeNetworkService({ networks: [NETWORK], ...options });
    const networks = new Win32HostNetworks(service.services);
    const leases = join(directory, "addresses");
    const warn = (warning: string): void => void warnings.push(warning);
    const network = await joinNetwork(wish, { networks, name: "c", os, directory, leases, warn });
    return { service, network, networks };
  }

  /** Every set of settings that a service may leave out. */
  const subsets = FACETS.reduce<Facet[][]>(
    (sets, facet) => [...sets, ...sets.map((set) => [...set, facet])],
    [[]],
  );
  for (const dropped of subsets) {
    for (const os of ["windows", "linux"] as const) {
      it(`${os}: has ${dropped.join(", ") || "nothing"} applied by others when the endpoint drops it`, async () => {
        const drops = dropped.map((facet) => MEMBER[facet]);
        const { network } = await joined({ drops }, WISH, os);
        for (const facet of FACETS) {
          const lost = facet === "ports" ? "none" : "guest";
          assert.equal(network.via[facet], dropped.includes(facet) ? lost : "endpoint", facet);
        }
        assert.equal(warnings.length, dropped.includes("ports") ? 1 : 0);
        const { env } = network.command ?? {};
        assert.equal(env?.["RUNHCS_NETWORK_ADDRESS"], dropped.includes("ip") ? "10.9.0.7" : undefined);
        assert.equal(env?.["RUNHCS_NETWORK_DNS"], dropped.includes("dns") ? "1.1.1.1 8.8.8.8" : undefined);
        // Setting an address takes the gateway away: both go together.
        const sets = dropped.includes("gateway") || dropped.includes("ip");
        assert.equal(env?.["RUNHCS_NETWORK_GATEWAY"], sets ? "10.9.0.254" : undefined);
      });
    }
  }

  it("makes the endpoint without any settings when the service refuses some, and the guest has them all", async () => {
    const { service, network } = await joined({ refuses: ["Dns"] });
    assert.deepEqual(network.via, { ip: "guest", gateway: "guest", dns: "guest", ports: "none" });
    const [first, second] = service.asked;
    assert.deepEqual(
      FACETS.map((facet) => [first?.[MEMBER[facet]] !== undefined, second?.[MEMBER[facet]] !== undefined]),
      FACETS.map(() => [true, false]),
    );
  });

  it("gives the network's own gateway and a free address without settings", async () => {
    const { network, service } = await joined({}, { switchName: "NAT" });
    const [endpoint] = service.asked;
    assert.deepEqual(endpoint?.["IpConfigurations"], [{ IpAddress: "10.9.0.2", PrefixLength: 24 }]);
    assert.deepEqual(endpoint?.["Routes"], [{ NextHop: "10.9.0.1", DestinationPrefix: "0.0.0.0/0" }]);
    assert.equal(network.networkName, "nat");
  });

  it("leaves nothing behind when the namespace does not take the endpoint", async () => {
    const service = new FakeNetworkService({ networks: [NETWORK], refusesToAdd: true });
    const networks = new Win32HostNetworks(service.services);
    const leases = join(directory, "addresses");
    const init = { networks, name: "c", os: "windows", directory, leases, warn: () => undefined } as const;
    await assert.rejects(joinNetwork(WISH, init), (error: unknown) => ClientError.is(error));
    assert.ok(service.isEmpty);
    assert.deepEqual(readdirSync(join(leases, NETWORK.ID)), []);
    assert.ok(!existsSync(join(directory, "network.json")));
  });

  it("gives everything back, also twice", async () => {
    const { service, networks } = await joined({});
    assert.ok(!service.isEmpty);
    for (const _time of [1, 2]) await leaveNetwork(networks, directory);
    assert.ok(service.isEmpty);
  });
});

describe("chooseNetwork", () => {
  for (const { wish, networks, chosen, match } of NETWORK_CHOICES) {
    it(`takes ${chosen} (${match}) for ${wish === undefined ? "no name" : `"${wish}"`} of ${networks.map(({ name }) => name).join(", ")}`, async () => {
      const listed = networks.map(({ id, name, switchName, type }) => ({
        ID: id,
        Name: name,
        SwitchName: switchName,
        Type: type,
      }));
      const port = new Win32HostNetworks(new FakeNetworkService({ networks: listed }).services);
      const selected = await chooseNetwork(port, wish === undefined ? {} : { switchName: wish });
      assert.deepEqual([selected.network.id, selected.match], [chosen.toLowerCase(), match]);
    });
  }

  it("says that there is none to choose from", async () => {
    const port = new Win32HostNetworks(new FakeNetworkService().services);
    await assert.rejects(chooseNetwork(port, {}), /no HNS networks/);
  });
});
