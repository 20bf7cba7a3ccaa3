/** Contract: network namespaces and their endpoints. */
import assert from "node:assert/strict";
import { isNotFound, isWin32 } from "../../hcs/hresult.ts";
import { hcsError, type BackendUnderTest } from "./under-test.ts";

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const isInvalidArgument = (error: unknown): boolean => isWin32((error as { hresult: number }).hresult, 0x57);

export function networkContract(under: () => BackendUnderTest): void {
  it("describes the endpoints of a namespace", async () => {
    const { reference, macAddress } = await under().makeNetwork();
    const { id, endpoints } = await under().backend.network.openNamespace(reference);
    assert.match(id, GUID);
    assert.equal(endpoints.length, 1);
    const [endpoint] = endpoints;
    assert.match(endpoint!.id, GUID);
    assert.match(endpoint!.name, /eth0$/);
    assert.equal(endpoint!.macAddress, macAddress);
    assert.deepEqual(endpoint!.ipConfigurations, [{ ipAddress: "10.88.0.2", prefixLength: 24 }]);
    assert.deepEqual(endpoint!.routes, [{ nextHop: "10.88.0.1", destinationPrefix: "0.0.0.0/0" }]);
  });

  it("gives the same ids to everybody who asks, others to another namespace", async () => {
    const { reference } = await under().makeNetwork();
    const first = await under().backend.network.openNamespace(reference);
    const second = await under().another().network.openNamespace(reference);
    assert.deepEqual(second, first);
    const other = await under().backend.network.openNamespace((await under().makeNetwork()).reference);
    assert.notEqual(other.id, first.id);
    assert.notEqual(other.endpoints[0]!.id, first.endpoints[0]!.id);
  });

  it("refuses what is not there and what is no namespace", async () => {
    const { network } = under().backend;
    await assert.rejects(network.openNamespace("/nowhere/netns"), hcsError(isNotFound, "/nowhere/netns"));
    await assert.rejects(
      network.openNamespace("/etc/hostname"),
      hcsError(isInvalidArgument, "namespace file"),
    );
    await assert.rejects(
      network.openNamespace("/proc/self/ns/mnt"),
      hcsError(isInvalidArgument, "mnt namespace"),
    );
  });
}
