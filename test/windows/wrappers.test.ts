/** Scripts of `hcsctl wrap` for cmd.exe, run by one: what reaches the tool, and what comes back. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "../../shim/client/container.ts";
import { commandWrapper } from "../../shim/client/wrappers.ts";
import { outcome } from "../support/client-programs.ts";
import { eachEngine } from "../support/each-engine.ts";
import { WINDOWS_DIRECTORY, WindowsImages } from "../support/windows-containers.ts";
import { buildArguments } from "../support/windows-probe.ts";

/**
 * What scripts get wrong. Percent signs are among the fixed ones alone: of those that a caller hands over, Wine's cmd looks for
 * variables a second time, in what it has put in for `%*`; that of Windows does not.
 */
const TORTURE = [
  "two words",
  "",
  "'",
  "!x!",
  "^",
  "^^",
  "a&b",
  "a|b",
  "<x>",
  "(x)",
  "back\\",
  "two words back\\",
  "$HOME",
  "`id`",
  "*",
  "--help",
  "a=b",
  "a,b;c",
];
/** A quote turns quoting round for the rest of a line: each stands at the end of one. */
const QUOTES = ['"', 'he said "hi"', 'back\\"'];

const FIXED = ["100%", "end\\", "^&", "two words"];

eachEngine(
  "a script for cmd.exe",
  (engine, kind) => {
    if (kind !== "shim") return;
    let images: WindowsImages;
    let container: Container;
    let shared: string;

    before(async function () {
      this.timeout(180_000);
      images = await WindowsImages.create();
      shared = join(engine().directory, "shared");
      mkdirSync(shared);
      await buildArguments(join(shared, "my tool.exe"));
      const init = {
        containerId: "box",
        program: "C:\\my tools\\x.exe",
        args: FIXED,
        tool: "C:\\s\\my tool.exe",
      };
      writeFileSync(join(shared, "wrapper.cmd"), commandWrapper(init));
      container = await engine().client.create({
        os: "windows",
        layers: [{ type: "base", path: images.base }],
        mounts: [{ source: shared, target: "C:\\s" }],
        args: ["ping", "-t", "127.0.0.1"],
      });
      await container.start({ output: "ignore" });
    });

    after(async () => {
      await container.destroy();
      images.remove();
    });

    /** Calls it as a person would. @returns what the tool was given after the name of the program */
    async function called(
      args: readonly string[],
      exit = 0,
    ): Promise<{ readonly given: string[]; readonly exitCode: number }> {
      writeFileSync(join(shared, "caller.cmd"), `@C:\\s\\wrapper.cmd ${args.map(quoted).join(" ")}\r\n`);
      const process = await container.spawn({
        args: ["cmd", "/c", "C:\\s\\caller.cmd"],
        env: { ARGUMENTS_FILE: "C:\\s\\given", ARGUMENTS_EXIT: String(exit) },
      });
      const { exitCode, stderr } = await outcome(process);
      assert.equal(stderr, "");
      const given = readFileSync(join(shared, "given"), "utf8").split("\0").slice(0, -1);
      assert.deepEqual(given.slice(0, 5), ["exec", "box", "--interactive", "--", "C:\\my tools\\x.exe"]);
      return { given: given.slice(5), exitCode };
    }

    it("hands every argument on unchanged, behind those that are fixed", async () => {
      assert.deepEqual((await called(TORTURE)).given, [...FIXED, ...TORTURE]);
      for (const quote of QUOTES) assert.deepEqual((await called([quote])).given, [...FIXED, quote]);
    });

    for (const code of [0, 1, 42, 255]) {
      it(`ends with ${code} when the tool does`, async () => {
        assert.equal((await called(["x"], code)).exitCode, code);
      });
    }
  },
  { nodeSettings: { emulator: { windows_directory: WINDOWS_DIRECTORY } } },
);

/** As one writes an argument in a script: quoted by the rules of C programs. */
function quoted(argument: string): string {
  const text = argument.replace(/(\\*)"/g, '$1$1\\"').replace(/\\+$/, "$&$&");
  return `"${text}"`;
}
