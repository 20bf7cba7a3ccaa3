import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import type { Command } from "../../../../shim/hcsctl/command.ts";
import { CONTAINER_COMMANDS } from "../../../../shim/hcsctl/containers/commands.ts";
import { completion } from "../../../../shim/hcsctl/completion.ts";

async function script(shell: string): Promise<string> {
  const printed: string[] = [];
  const command = completion(() => Promise.resolve(CONTAINER_COMMANDS));
  const context = { arguments: [shell], print: (text: string) => void printed.push(text) };
  await command.run(context as unknown as Parameters<Command["run"]>[0]);
  return printed.join("");
}

describe("completion", () => {
  const cases: [typed: string[], offered: string[]][] = [
    [["ins"], ["inspect"]],
    [["net"], ["network"]],
    [
      ["network", ""],
      ["ls", "select"],
    ],
    [
      ["policy", "show", "--no"],
      ["--no-compat", "--no-sockets", "--no-spawn"],
    ],
    [["run", "--read"], ["--read-only"]],
    [["run", "--image", "x", "--hel"], ["--help"]],
  ];
  for (const [typed, offered] of cases) {
    it(`of bash offers ${offered.join(", ")} for "hcsctl ${typed.join(" ")}"`, async () => {
      const words = ["hcsctl", ...typed].map((word) => `'${word}'`).join(" ");
      const asked = `COMP_WORDS=(${words}); COMP_CWORD=${typed.length}; _hcsctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const output = execFileSync("bash", ["-c", `${await script("bash")}\n${asked}`], { encoding: "utf8" });
      assert.deepEqual(output.trim().split("\n").sort(), offered);
    });
  }

  it("of fish has every command and flag", async () => {
    const text = await script("fish");
    for (const { name, flags } of CONTAINER_COMMANDS) {
      assert.match(text, new RegExp(`-a ${name.split(" ").at(-1)}$`, "m"));
      for (const flag of flags) assert.match(text, new RegExp(`-l ${flag.name}$`, "m"));
    }
  });

  it("refuses other shells", async () => {
    await assert.rejects(script("tcsh"), /must be bash or fish \(found "tcsh"\)/);
  });
});
