import assert from "node:assert/strict";
import { AnnotationReader } from "../../../../oci/annotations/read.ts";
import { testRegistryValues } from "../../../../oci/annotations/windows-container.ts";
import { registryValues } from "../../../../oci/windows/registry.ts";

const read = (value: unknown) => {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const reader = new AnnotationReader({ [testRegistryValues.key]: text });
  return { values: registryValues(reader, testRegistryValues), warnings: reader.warnings };
};
const GOOD = {
  Key: { Hive: "Software", Name: "Contoso\\App" },
  Name: "Level",
  Type: "DWord",
  DWordValue: 5,
};

describe("registryValues", () => {
  it("takes values below the allowed keys, in any letter case", () => {
    const system = { ...GOOD, Key: { Hive: "System", Name: "currentcontrolset\\services\\foo" } };
    assert.deepEqual(read([GOOD, system]), { values: [GOOD, system], warnings: [] });
  });

  it("compares the beginning of the key as text", () => {
    const value = { ...GOOD, Key: { Hive: "System", Name: "CurrentControlSet\\ServicesFoo" } };
    assert.deepEqual(read([value]).values, [value]);
  });

  const REJECTED: readonly (readonly [string, object])[] = [
    ["no Key", { ...GOOD, Key: null }],
    ["unknown Hive", { ...GOOD, Key: { Hive: "software", Name: "A" } }],
    ["no Key.Name", { ...GOOD, Key: { Hive: "Software" } }],
    ["no Name", { ...GOOD, Name: "" }],
    ["unknown Type", { ...GOOD, Type: "dword" }],
    ["more than one value field", { ...GOOD, StringValue: "a" }],
    ["key outside the allowed list", { ...GOOD, Key: { Hive: "System", Name: "ControlSet001\\Control" } }],
    ["key outside the allowed list", { ...GOOD, Key: { Hive: "Sam", Name: "A" } }],
  ];
  for (const [why, value] of REJECTED) {
    it(`drops ${JSON.stringify(value)}: ${why}`, () => {
      const { values, warnings } = read([value, GOOD]);
      assert.deepEqual(values, [GOOD]);
      assert.deepEqual(
        warnings.map((warning) => [warning.kind, warning.why]),
        [["registry-value-rejected", why]],
      );
    });
  }

  it("matches member names in any letter case, the last one winning", () => {
    const text =
      '[{"key":{"HIVE":"Software","name":"A"},"name":"x","NAME":"y","type":"String","stringValue":"v"}]';
    assert.deepEqual(read(text).values, [
      { Key: { Hive: "Software", Name: "A" }, Name: "y", Type: "String", StringValue: "v" },
    ]);
  });

  for (const empty of ["", "null", "[]"]) {
    it(`takes ${JSON.stringify(empty)} for no values`, () => {
      assert.deepEqual(read(empty), { values: [], warnings: [] });
    });
  }

  for (const broken of ["[", "{}", "[1]", JSON.stringify([GOOD, { ...GOOD, DWordValue: "5" }])]) {
    it(`ignores ${broken} altogether, and says so`, () => {
      const { values, warnings } = read(broken);
      assert.deepEqual(values, []);
      assert.equal(warnings.length, 1);
    });
  }
});
