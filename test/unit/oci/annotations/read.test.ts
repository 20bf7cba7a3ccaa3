import assert from "node:assert/strict";
import * as ANNOTATION from "../../../../oci/annotations/catalogue.ts";
import { AnnotationReader } from "../../../../oci/annotations/read.ts";

describe("AnnotationReader", () => {
  it("reads a value by its row", () => {
    const reader = new AnnotationReader({ [ANNOTATION.vmProcessorCount.key]: "4" });
    assert.equal(reader.read(ANNOTATION.vmProcessorCount), 4);
    assert.equal(reader.read(ANNOTATION.vmProcessorLimit), undefined);
    assert.deepEqual(reader.warnings, []);
  });

  it("keeps a good false apart from an absent value", () => {
    const reader = new AnnotationReader({ [ANNOTATION.hclEnabled.key]: "F" });
    assert.equal(reader.read(ANNOTATION.hclEnabled), false);
  });

  it("warns of a value that cannot be read, with the type it should have", () => {
    const reader = new AnnotationReader({ [ANNOTATION.vmAllowOvercommit.key]: "no" });
    assert.equal(reader.read(ANNOTATION.vmAllowOvercommit), undefined);
    assert.deepEqual(reader.warnings, [
      {
        kind: "annotation-unparsable",
        at: `annotation ${ANNOTATION.vmAllowOvercommit.key}`,
        message: "ignored: must be bool, default is true",
        value: "no",
        expected: "bool",
      },
    ]);
  });

  it("warns of a list whose elements cannot all be read", () => {
    const reader = new AnnotationReader({
      [ANNOTATION.numaMemoryBlocks.key]: "10,-1",
      [ANNOTATION.numaMappedNodes.key]: "0, 1",
    });
    assert.equal(reader.read(ANNOTATION.numaMemoryBlocks), undefined);
    assert.equal(reader.read(ANNOTATION.numaMappedNodes), undefined);
    assert.deepEqual(
      reader.warnings.map(({ kind, expected }) => [kind, expected]),
      [
        ["annotation-unparsable", "uint64"],
        ["annotation-list-unparsable", "uint32"],
      ],
    );
  });

  it("takes an empty list for no list", () => {
    const reader = new AnnotationReader({ [ANNOTATION.numaProcessorCounts.key]: "" });
    assert.equal(reader.read(ANNOTATION.numaProcessorCounts), undefined);
    assert.deepEqual(reader.warnings, []);
  });

  it("takes an empty text for a value", () => {
    const reader = new AnnotationReader({ [ANNOTATION.processDumpLocation.key]: "" });
    assert.equal(reader.read(ANNOTATION.processDumpLocation), "");
  });

  it("refuses a value that cannot be read where nothing sensible could be assumed", () => {
    const reader = new AnnotationReader({ [ANNOTATION.vmResourcePartition.key]: "zzz" });
    assert.throws(() => reader.read(ANNOTATION.vmResourcePartition), {
      name: "SpecError",
      message:
        'invalid annotation io.microsoft.virtualmachine.resource-partition-id: must be GUID (found "zzz")',
    });
  });

  it("lets resources stand in for zero", () => {
    const reader = new AnnotationReader({ [ANNOTATION.vmProcessorWeight.key]: "0" });
    assert.equal(reader.readPositive(ANNOTATION.vmProcessorWeight, 7), 7);
  });

  it("finds all keys that begin alike", () => {
    const { key } = ANNOTATION.hvSocketServiceTable;
    const reader = new AnnotationReader({ [`${key}a`]: "1", [key.slice(0, -1)]: "2", [`${key}B`]: "3" });
    assert.deepEqual(reader.readAll(ANNOTATION.hvSocketServiceTable), [
      ["a", "1"],
      ["B", "3"],
    ]);
  });
});
