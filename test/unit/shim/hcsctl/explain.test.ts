import assert from "node:assert/strict";
import * as catalogue from "../../../../oci/annotations/catalogue.ts";
import { ERRORS } from "../../../../shim/errors.ts";
import { explain } from "../../../../shim/hcsctl/explain.ts";
import { OPTIONS } from "../../../../shim/options/table.ts";
import { PHASES } from "../../../../shim/phases/table.ts";
import { runCommand } from "./run-command.ts";

const said = async (word: string): Promise<string> => (await runCommand(explain, [word])).output;

describe("hcsctl explain", () => {
  for (const word of [
    "0x80370105",
    "-2143878907",
    "2151088389",
    "HCS_E_INVALID_STATE",
    "hcs_e_invalid_state",
  ]) {
    it(`knows a result code as ${word}`, async () => {
      assert.match(
        await said(word),
        /^result code 0x80370105 \(HCS_E_INVALID_STATE\)\n {2}the compute system is in the wrong/,
      );
    });
  }

  it("says what can be done about a result code, and that it knows none", async () => {
    assert.match(await said("0x80370102"), /hint {2}install the Hyper-V feature/);
    assert.match(await said("0x80370fff"), /no code that this version knows/);
  });

  it("knows every error, annotation, option and phase", async () => {
    const keys = Object.values(catalogue).flatMap((value) =>
      typeof value === "object" && "key" in value ? [value.key] : [],
    );
    assert.ok(keys.length > 50);
    for (const word of [...Object.keys(ERRORS), ...keys, ...OPTIONS.keys(), ...Object.keys(PHASES)])
      assert.ok((await said(word)).includes(word), word);
  });

  it("tells of an option in the form of its annotation, too", async () => {
    assert.match(
      await said("io.containerd.runhcs.budgets.vm-boot"),
      /^option budgets\.vm-boot\n(.*\n)*.*120000 ms/,
    );
  });

  it("answers programs in JSON", async () => {
    const { output } = await runCommand(explain, ["vm-boot"], { json: true });
    const [phase] = JSON.parse(output) as { kind: string; details: object }[];
    assert.deepEqual(
      [phase?.kind, phase?.details],
      ["phase", { budget: "120000 ms", "changed by": "budgets.vm-boot" }],
    );
  });

  it("names what was meant when it knows nothing", async () => {
    await assert.rejects(said("vm-bot"), /cannot explain "vm-bot": .*did you mean "vm-boot"\?/);
    await assert.rejects(
      said("###"),
      /cannot explain "###": it is no code, annotation, option or phase of this version$/,
    );
  });
});
