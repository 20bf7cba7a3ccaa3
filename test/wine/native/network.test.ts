/** Networks, namespaces and endpoints, on the stand-ins. */
import assert from "node:assert/strict";
import { isNotFound, isWin32 } from "../../../hcs/hresult.ts";
import type { Platform } from "../../../hcs/scripted/platform.ts";
import { Win32Network } from "../../../hcs/win32/network/network.ts";
import type { HcnCalls } from "../../../hcs/win32/network/hcn-calls.ts";
import type { HnsCalls } from "../../../hcs/win32/network/hns-calls.ts";
import { hcsError } from "../../contract/under-test.ts";
import { assertClean } from "./cleanliness.ts";
import { ask } from "./rig.ts";
import { thread } from "./threads.ts";

const NAMESPACE = "0d0d0d0d-2222-4333-8444-0123456789ab";
const ENDPOINTS = ["e1e1e1e1-2222-4333-8444-0123456789ab", "e2e2e2e2-2222-4333-8444-0123456789ab"];
const NOBODY = "ffffffff-2222-4333-8444-0123456789ab";

const PLATFORM: Platform = {
  windowsBuild: 20348,
  hostProcessors: 8,
  vmRuntimeId: "a0a0a0a0-0000-4000-8000-000000000001",
  namespaces: [{ id: NAMESPACE, namespaceId: 7, type: "Guest", endpoints: ENDPOINTS }],
  endpoints: [
    {
      ID: ENDPOINTS[0],
      Name: "pod_eth0 ü",
      MacAddress: "00-15-5D-01-02-03",
      IpConfigurations: [{ IpAddress: "10.88.0.2", PrefixLength: 24 }],
      Routes: [{ NextHop: "10.88.0.1", DestinationPrefix: "0.0.0.0/0" }],
      Dns: { Domain: "cluster.local", Search: ["a"], ServerList: ["10.96.0.10"] },
    },
    { ID: ENDPOINTS[1], Name: "pod_eth1" },
  ],
};

describe("Win32Network", () => {
  const service = thread("network");
  const network = new Win32Network(service);
  const hcn = service.calls<HcnCalls>("hcn");
  const hns = service.calls<HnsCalls>("hns");

  beforeEach(() => ask("useScripted", { platform: PLATFORM, files: [] }));
  afterEach(async () => {
    await ask("clearFaults");
    await assertClean();
  });

  describe("openNamespace", () => {
    it("describes a namespace and the endpoints in it", async () => {
      const { id, endpoints, document } = await network.openNamespace(NAMESPACE.toUpperCase());
      assert.equal(id, NAMESPACE);
      assert.equal(document?.NamespaceId, 7);
      assert.deepEqual(
        endpoints.map(({ document: _document, ...endpoint }) => endpoint),
        [
          {
            id: ENDPOINTS[0],
            name: "pod_eth0 ü",
            macAddress: "00-15-5D-01-02-03",
            ipConfigurations: [{ ipAddress: "10.88.0.2", prefixLength: 24 }],
            routes: [{ nextHop: "10.88.0.1", destinationPrefix: "0.0.0.0/0" }],
            dns: { domain: "cluster.local", search: ["a"], servers: ["10.96.0.10"] },
          },
          {
            id: ENDPOINTS[1],
            name: "pod_eth1",
            macAddress: "",
            ipConfigurations: [],
            routes: [],
            dns: { search: [], servers: [] },
          },
        ],
      );
    });

    it("leaves out an endpoint that is deleted meanwhile", async () => {
      await ask("addFault", {
        function: "HcnOpenEndpoint",
        action: "refuse",
        hresult: 0x803b_0002,
        times: 1,
      });
      const { endpoints } = await network.openNamespace(NAMESPACE);
      assert.deepEqual(
        endpoints.map(({ id }) => id),
        [ENDPOINTS[1]],
      );
    });

    it("refuses what is not there and what is no id", async () => {
      await assert.rejects(network.openNamespace(NOBODY), hcsError(isNotFound, NOBODY));
      await assert.rejects(
        network.openNamespace("/var/run/netns/x"),
        hcsError(isWin32Of(0x57), "/var/run/netns/x", "a GUID"),
      );
    });
  });

  const functions: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["HcnOpenNamespace", () => network.openNamespace(NAMESPACE)],
    ["HcnQueryNamespaceProperties", () => network.openNamespace(NAMESPACE)],
    ["HcnOpenEndpoint", () => network.openNamespace(NAMESPACE)],
    ["HcnQueryEndpointProperties", () => network.openNamespace(NAMESPACE)],
    ["HcnEnumerateNetworks", () => hcn.enumerate(["Network"])],
    ["HcnCreateNetwork", () => hcn.create(["Network", {}])],
    ["HcnCreateNamespace", () => hcn.create(["Namespace", {}])],
    ["HcnDeleteNamespace", () => hcn.remove(["Namespace", NAMESPACE])],
  ];
  for (const [name, call] of functions) {
    it(`tells what ${name} answered, and closes what it had opened`, async () => {
      const document = '{"ErrorMessage":"the switch is on fire"}';
      await ask("addFault", { function: name, action: "refuse", hresult: 0x803b_0013, document });
      await assert.rejects(call(), hcsError(isCode(0x803b_0013), "the switch is on fire"));
    });

    it(`takes an error record of ${name} for an error, whatever its result`, async () => {
      const document = '{"ErrorMessage":"half done"}';
      await ask("addFault", { function: name, action: "refuse", hresult: 0, document });
      await assert.rejects(call(), hcsError(isCode(0x8000_4005), "half done"));
    });
  }

  describe("objects of HCN", () => {
    it("are created, found by their members, changed and removed", async () => {
      const made = (await hcn.create(["Network", { Name: "Nät", Type: "NAT" }])) as { ID: string };
      await hcn.create(["Network", { Name: "other" }]);
      const endpoint = (await hcn.createEndpoint([made.ID, { Name: "e" }])) as { ID: string; Name: string };
      assert.equal(endpoint.Name, "e");
      assert.deepEqual(await hcn.enumerate(["Network", { Name: "Nät" }]), [made.ID]);
      assert.equal((await hcn.list(["Network"])).length, 2);
      await hcn.modify(["Endpoint", endpoint.ID, { RequestType: "Add" }]);
      assert.deepEqual(await hcn.read(["Endpoint", endpoint.ID]), {
        Name: "e",
        ID: endpoint.ID,
        Changed: { RequestType: "Add" },
      });
      await hcn.remove(["Endpoint", endpoint.ID]);
      await assert.rejects(hcn.read(["Endpoint", endpoint.ID]), hcsError(isNotFound, endpoint.ID));
    });

    it("that vanish while they are listed are left out", async () => {
      await hcn.create(["Network", { Name: "a" }]);
      await hcn.create(["Network", { Name: "b" }]);
      await ask("addFault", { function: "HcnOpenNetwork", action: "refuse", hresult: 0x8007_0490, times: 1 });
      assert.equal((await hcn.list(["Network"])).length, 1);
    });
  });

  describe("a namespace of a container's own", () => {
    const OWN = "0e0e0e0e-2222-4333-8444-0123456789ab";

    it("is made under the id it is given, with endpoints that are there, and goes without them", async () => {
      const created = (await hcn.create(["Network", {}])) as { ID: string };
      const { ID } = (await hcn.createEndpoint([created.ID, { Name: "e" }])) as { ID: string };
      await network.createNamespace(OWN, [ID]);
      const { endpoints } = await network.openNamespace(OWN);
      assert.deepEqual(
        endpoints.map(({ id }) => id),
        [ID],
      );
      await network.deleteNamespace(OWN);
      await network.deleteNamespace(OWN);
      await assert.rejects(network.openNamespace(OWN), hcsError(isNotFound, OWN));
      assert.equal(((await hcn.read(["Endpoint", ID])) as { Name: string }).Name, "e");
    });

    it("is not made when an endpoint is not there", async () => {
      await assert.rejects(network.createNamespace(OWN, [NOBODY]), hcsError(isNotFound));
      await assert.rejects(network.openNamespace(OWN), hcsError(isNotFound, OWN));
    });
  });

  describe("the Host Network Service", () => {
    it("gives the output of its answer", async () => {
      const output = await hns.request(["GET", "/globals/version"]);
      assert.deepEqual(output, { Version: { Major: 15, Minor: 4 } });
      assert.deepEqual(await hns.request(["POST", "/namespaces/", { IsDefault: true }]), { IsDefault: true });
    });

    it("says what it refuses, and why", async () => {
      await assert.rejects(
        hns.request(["GET", "/nothing"]),
        hcsError(isCode(0x8000_4005), "Element not found."),
      );
      await ask("addFault", { function: "HNSCall", action: "refuse", hresult: 0x8007_06ba });
      await assert.rejects(
        hns.request(["GET", "/globals/version"]),
        hcsError(isCode(0x8007_06ba), "/globals/version"),
      );
      await ask("clearFaults");
      await ask("addFault", { function: "HNSCall", action: "refuse", hresult: 0, document: "what?" });
      await assert.rejects(hns.request(["GET", "/globals/version"]), hcsError(isCode(0x8000_4005), "what?"));
    });
  });
});

function isCode(hresult: number): (error: unknown) => boolean {
  return (error) => (error as { hresult: number }).hresult === hresult;
}

function isWin32Of(code: number): (error: unknown) => boolean {
  return (error) => isWin32((error as { hresult: number }).hresult, code);
}
