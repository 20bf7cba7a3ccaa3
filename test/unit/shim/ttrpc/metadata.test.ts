import assert from "node:assert/strict";
import { Metadata } from "../../../../shim/ttrpc/metadata.ts";

describe("Metadata", () => {
  it("keeps every value of a repeated key, in order", () => {
    const metadata = Metadata.fromKeyValues([
      { key: "a", value: "1" },
      { key: "b", value: "2" },
      { key: "a", value: "3" },
      { key: "A", value: "4" },
    ]);
    assert.deepEqual(metadata.getAll("a"), ["1", "3", "4"]);
    assert.equal(metadata.get("a"), "1");
    assert.equal(metadata.size, 2);
  });

  it("ignores case and sends lower case", () => {
    const metadata = Metadata.from({ "Containerd-Namespace-TTRPC": "k8s.io" });
    assert.equal(metadata.get("containerd-namespace-ttrpc"), "k8s.io");
    assert.equal(metadata.get("CONTAINERD-NAMESPACE-TTRPC"), "k8s.io");
    assert.deepEqual(metadata.toKeyValues(), [{ key: "containerd-namespace-ttrpc", value: "k8s.io" }]);
  });

  it("says what is absent", () => {
    const metadata = Metadata.from(undefined);
    assert.equal(metadata.get("a"), undefined);
    assert.deepEqual(metadata.getAll("a"), []);
    assert.equal(metadata.has("a"), false);
    assert.deepEqual([...metadata], []);
  });

  it("has keys that every object has", () => {
    const metadata = Metadata.fromKeyValues([{ key: "__proto__", value: "x" }]);
    assert.equal(metadata.get("__proto__"), "x");
    assert.equal(metadata.get("constructor"), undefined);
  });

  it("replaces and removes with set", () => {
    const metadata = Metadata.from({ a: ["1", "2"], b: "3" });
    metadata.set("A", "4", "5").set("b");
    assert.deepEqual(metadata.toKeyValues(), [
      { key: "a", value: "4" },
      { key: "a", value: "5" },
    ]);
    assert.equal(metadata.has("b"), false);
  });

  it("is taken as it is where metadata is wanted", () => {
    const metadata = Metadata.from({ a: "1" });
    assert.equal(Metadata.from(metadata), metadata);
  });
});
