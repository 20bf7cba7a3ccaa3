import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NetworkTable } from "../../../../../hcs/emulator/guest/network.ts";
import { networkFiles } from "../../../../../hcs/emulator/guest/network-files.ts";
import { makeShortDirectory } from "../../../../support/temp-directory.ts";

const NIC = "11f0aa22-33bb-44cc-55dd-66ee77ff8899";

describe("NetworkTable", () => {
  let nics: string;
  let table: NetworkTable;

  before(async () => {
    nics = await makeShortDirectory("nics-");
    writeFileSync(join(nics, NIC), "");
    mkdirSync(join(nics, "dead"));
  });

  beforeEach(() => {
    table = new NetworkTable(nics);
  });

  after(() => rmSync(nics, { recursive: true }));

  it("knows adapters by lower-case ids, with their names in lower case and once", () => {
    table.addAdapter({
      NamespaceID: "AB",
      ID: NIC.toUpperCase(),
      DNSSuffix: "A.b, a.B ,c",
      DNSServerList: "1.1.1.1",
    });
    assert.deepEqual(table.adapters("aB"), [
      { id: NIC, path: join(nics, NIC), searchDomains: ["a.b", "c"], nameServers: ["1.1.1.1"] },
    ]);
  });

  it("refuses an adapter twice, and one the host has not added", () => {
    table.addAdapter({ NamespaceID: "ab", ID: NIC });
    assert.throws(() => table.addAdapter({ NamespaceID: "ab", ID: NIC }), /is already in namespace "ab"/);
    for (const ID of ["", "..", "dead", "22f0aa22", `../${NIC}`]) {
      assert.throws(() => table.addAdapter({ NamespaceID: "ab", ID }), /does not exist/, ID);
    }
    assert.throws(() => table.addAdapter({}), /does not exist/);
  });

  it("forgets adapters, known or not, but not their namespace", () => {
    table.addAdapter({ NamespaceID: "ab", ID: NIC });
    table.removeAdapter({ NamespaceID: "ab", ID: NIC });
    table.removeAdapter({ NamespaceID: "ab", ID: NIC });
    table.removeAdapter({ NamespaceID: "cd", ID: NIC });
    table.removeAdapter({});
    assert.deepEqual(table.adapters("ab"), []);
    assert.throws(() => table.adapters("cd"), { hresult: 0x80070490 });
  });

  it("gives a namespace to one container", () => {
    table.ensure("AB");
    table.ensure("ab");
    table.requireFree("ab");
    table.assign("ab", "c1");
    assert.throws(() => table.requireFree("AB"), { hresult: 0x80004005, message: /already belongs to "c1"/ });
    assert.throws(() => table.requireFree("cd"), { hresult: 0x80070490 });
  });
});

describe("networkFiles", () => {
  const adapter = (searchDomains: string[], nameServers: string[]) => ({
    id: "",
    path: "",
    searchDomains,
    nameServers,
  });

  it("writes name, addresses and resolver of a pod", () => {
    const files = networkFiles("pod-a.ns.svc", [
      adapter(["a", "b"], ["10.0.0.10"]),
      adapter(["b"], ["10.0.0.10", "10.0.0.11"]),
    ]);
    assert.equal(files.hostname, "pod-a.ns.svc\n");
    assert.deepEqual(files.hosts.split("\n").slice(0, 4), [
      "127.0.0.1 localhost",
      "127.0.0.1 pod-a.ns.svc pod-a",
      "",
      "# The following lines are desirable for IPv6 capable hosts",
    ]);
    assert.equal(files.hosts.split("\n").length, 10);
    assert.equal(files["resolv.conf"], "search a b\nnameserver 10.0.0.10\nnameserver 10.0.0.11\n");
  });

  it("leaves out what there is none of", () => {
    const files = networkFiles("pod", []);
    assert.equal(files.hosts.split("\n")[1], "127.0.0.1 pod");
    assert.equal(files["resolv.conf"], "");
    assert.equal(networkFiles("pod", [adapter([], ["1.1.1.1"])])["resolv.conf"], "nameserver 1.1.1.1\n");
  });

  it("refuses names that are none, and too many search domains", () => {
    assert.throws(() => networkFiles("a b", []), /invalid hostname "a b"/);
    assert.throws(() => networkFiles("x".repeat(256), []), /invalid hostname/);
    assert.throws(
      () => networkFiles("a", [adapter(["1", "2", "3", "4", "5", "6", "7"], [])]),
      /7 search domains/,
    );
  });
});
