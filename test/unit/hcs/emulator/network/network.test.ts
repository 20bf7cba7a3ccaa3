import assert from "node:assert/strict";
import { EmulatedNetwork } from "../../../../../hcs/emulator/network/network.ts";
import { Calls } from "../../../../../hcs/emulator/calls.ts";
import { FaultScript } from "../../../../../hcs/emulator/faults.ts";

describe("EmulatedNetwork", () => {
  const network = (): EmulatedNetwork =>
    new EmulatedNetwork(
      new Calls(new FaultScript([]), { crash: () => undefined, disconnect: () => undefined }),
    );

  /** On a machine without ip(8): nothing has to be entered, so this needs no root. */
  const withoutIp = async (act: () => Promise<void>): Promise<void> => {
    const path = process.env["PATH"];
    process.env["PATH"] = "/nowhere";
    try {
      await act();
    } finally {
      process.env["PATH"] = path;
    }
  };

  it("gives a namespace of which nothing can be said one endpoint", () =>
    withoutIp(async () => {
      const { id: namespace, endpoints, document: own } = await network().openNamespace("/proc/self/ns/net");
      assert.equal(own?.ID, namespace);
      assert.equal(endpoints.length, 1);
      const { id, document, ...facts } = endpoints[0]!;
      assert.match(id, /^[0-9a-f-]{36}$/);
      assert.deepEqual(facts, {
        name: "net_none",
        macAddress: "",
        ipConfigurations: [],
        routes: [],
        dns: { search: [], servers: [] },
      });
      assert.deepEqual(document, {
        ID: id,
        Name: "net_none",
        HostComputeNamespace: namespace,
        MacAddress: "",
        IpConfigurations: [],
        Routes: [],
        Dns: { Search: [], ServerList: [] },
        SchemaVersion: { Major: 2, Minor: 0 },
      });
    }));

  it("knows the namespaces of endpoints it has described, whatever their case", () =>
    withoutIp(async () => {
      const one = network();
      const { endpoints } = await one.openNamespace("/proc/self/ns/net");
      const { id } = endpoints[0]!;
      assert.equal(one.namespaceOf(id)?.path, "/proc/self/ns/net");
      assert.equal(one.namespaceOf(id.toUpperCase())?.path, "/proc/self/ns/net");
      assert.equal(network().namespaceOf(id), undefined);
    }));

  it("stops asking when its signal fires", async () => {
    const reason = new Error("over");
    const abort = new AbortController();
    const opening = network().openNamespace("/proc/self/ns/net", { signal: abort.signal });
    abort.abort(reason);
    await assert.rejects(opening, reason);
  });
});
