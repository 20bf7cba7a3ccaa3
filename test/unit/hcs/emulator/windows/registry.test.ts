import assert from "node:assert/strict";
import { machineRegistryText } from "../../../../../hcs/emulator/windows/registry.ts";
import type { RegistryValue } from "../../../../../hcs/schema/registry.ts";

const Key = { Hive: "Software", Name: "A\\B" } as const;

describe("machineRegistryText", () => {
  const values: readonly (readonly [Partial<RegistryValue> & Pick<RegistryValue, "Type">, string])[] = [
    [{ Type: "String", StringValue: 'say "hi" \\ é' }, '"say \\"hi\\" \\\\ \\x00e9"'],
    [{ Type: "DWord", DWordValue: 258 }, "dword:00000102"],
    [{ Type: "QWord", QWordValue: 258 }, "hex(b):02,01,00,00,00,00,00,00"],
    [{ Type: "ExpandedString", StringValue: "%a" }, "hex(2):25,00,61,00,00,00"],
    [{ Type: "MultiString", StringValue: "a" }, "hex(7):61,00,00,00,00,00"],
    [{ Type: "Binary", BinaryValue: "AQI=" }, "hex(3):01,02"],
    [{ Type: "CustomType", CustomType: 18, BinaryValue: "AQ==" }, "hex(12):01"],
    [{ Type: "None" }, "hex(0):"],
  ];
  for (const [value, text] of values) {
    it(`writes ${value.Type}`, () => {
      assert.equal(
        machineRegistryText([{ Key, Name: "N", ...value }]),
        `\n[Software\\\\A\\\\B]\n"N"=${text}\n`,
      );
    });
  }

  it("writes the default value of a key, and nothing for no values", () => {
    const value: RegistryValue = { Key: { Hive: "Sam", Name: "X" }, Name: "", Type: "DWord" };
    assert.equal(machineRegistryText([value]), "\n[SAM\\\\X]\n@=dword:00000000\n");
    assert.equal(machineRegistryText([]), "");
  });
});
