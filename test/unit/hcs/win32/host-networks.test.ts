import assert from "node:assert/strict";
import { isNotFound } from "../../../../hcs/hresult.ts";
import { Win32HostNetworks } from "../../../../hcs/win32/network/host-networks.ts";
import { FakeNetworkService, type FakeNetworkServiceOptions } from "../../../support/fake-network-service.ts";

const NAT = {
  ID: "C08CB7B8-9B3C-408E-8E30-5E16A3AEB444",
  Name: "nat",
  SwitchName: "nat",
  Type: "NAT",
  Subnets: [{ AddressPrefix: "172.20.0.0/20", GatewayAddress: "172.20.0.1" }],
};
const NAT_ID = NAT.ID.toLowerCase();

function made(options: FakeNetworkServiceOptions = {}): {
  service: FakeNetworkService;
  networks: Win32HostNetworks;
} {
  const service = new FakeNetworkService({ networks: [NAT], ...options });
  return { service, networks: new Win32HostNetworks(service.services) };
}

describe("Win32HostNetworks", () => {
  it("lists networks with their switches, as the HNS names them", async () => {
    const bare = { ID: "0F5D2B36-3C2E-5D4B-8A57-9D1C7B0E6A11", SwitchName: "", Subnets: null };
    const { networks } = made({ networks: [NAT, bare] });
    assert.deepEqual(await networks.list(), [
      {
        id: NAT_ID,
        name: "nat",
        switchName: "nat",
        type: "NAT",
        subnets: ["172.20.0.0/20"],
        hostAddress: "172.20.0.1",
      },
      { id: "0f5d2b36-3c2e-5d4b-8a57-9d1c7b0e6a11", subnets: [] },
    ]);
    assert.deepEqual(await made({ networks: null }).networks.list(), []);
  });

  it("adds an endpoint to a namespace and gives it as it is", async () => {
    const { service, networks } = made({ drops: ["Dns"] });
    const namespace = await networks.createNamespace("c");
    const asked = { Name: "c", HostComputeNetwork: NAT_ID, Dns: { ServerList: ["1.1.1.1"] } };
    const endpoint = await networks.createEndpoint(namespace, asked);
    assert.equal(endpoint.Dns, undefined);
    const { Resources } = service.objects.Namespace.get(namespace) ?? {};
    assert.deepEqual(Resources, [{ Type: "Endpoint", Data: { ID: endpoint.ID } }]);
  });

  it("leaves no endpoint behind that a namespace does not take", async () => {
    const { service, networks } = made({ refusesToAdd: true });
    const namespace = await networks.createNamespace("c");
    await assert.rejects(networks.createEndpoint(namespace, { HostComputeNetwork: NAT_ID }));
    assert.equal(service.objects.Endpoint.size, 0);
  });

  it("deletes a namespace with its endpoints, and one that is gone again", async () => {
    const { service, networks } = made();
    const namespace = await networks.createNamespace("c");
    for (const Name of ["a", "b"])
      await networks.createEndpoint(namespace, { Name, HostComputeNetwork: NAT_ID });
    // Somebody was faster with one of them.
    service.objects.Endpoint.delete([...service.objects.Endpoint.keys()][0] ?? "");
    await networks.deleteNamespace(namespace);
    assert.ok(service.isEmpty);
    await networks.deleteNamespace(namespace);
  });

  it("refuses a network that is not there", async () => {
    const { networks } = made();
    const namespace = await networks.createNamespace("c");
    await assert.rejects(networks.createEndpoint(namespace, { HostComputeNetwork: "none" }), isNotFound);
  });
});
