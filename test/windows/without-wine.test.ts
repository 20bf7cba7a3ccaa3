/** What a machine without Wine answers: one sentence that says what to install. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeBaseLayer } from "../../hcs/emulator/windows/base-layer.ts";
import { WindowsHost } from "../../hcs/emulator/windows/host.ts";
import { templateDirectory, templateOf } from "../../hcs/emulator/windows/template.ts";
import { findWine, NO_WINE, type Wine } from "../../hcs/emulator/windows/wine.ts";
import { findProgram } from "../../scripts/setup/programs.ts";
import { runCommand } from "../support/command.ts";
import { nodeFile } from "../support/runtime.ts";
import { makeShortDirectory } from "../support/temp-directory.ts";
import { WINDOWS_DIRECTORY } from "../support/windows-containers.ts";

const HCSCTL = join(import.meta.dirname, "../../dist/bin/hcsctl");

function requiredWine(): Wine {
  const wine = findWine();
  if (wine === undefined) throw new Error(NO_WINE);
  return wine;
}

describe("without Wine", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "no-wine-"));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it("a base layer cannot be made, and the message says what to install", async () => {
    // In a mount namespace of its own nothing is where Wine was.
    const hidden = `mount -t tmpfs none /usr/lib/wine && exec "${HCSCTL}" emulator base "${directory}/base"`;
    const result = await runCommand("unshare", ["--mount", "sh", "-c", hidden]);
    assert.equal(result.code, 1);
    assert.equal(result.stderr.trim(), `hcsctl: cannot make base layer "${directory}/base": ${NO_WINE}`);
  });

  for (const flags of [["--isolation=process"], ["--isolation=hyperv"], ["--host-process", "--inherit-user"]])
    it(`no container is started with ${flags.join(" ")}, for the same reason, and nothing is left of it`, async () => {
      const base = join(directory, "base");
      makeBaseLayer(base, templateOf(templateDirectory(WINDOWS_DIRECTORY, requiredWine())));
      const settings = join(directory, "runhcs.toml");
      const state = await makeShortDirectory("nw");
      try {
        writeFileSync(
          settings,
          nodeFile(
            { emulator: join(state, "e"), journals: join(state, "j") },
            {
              client: { state_directory: join(state, "c") },
              emulator: { windows_directory: WINDOWS_DIRECTORY },
            },
          ),
        );
        const words = [
          "run",
          "--engine",
          "shim",
          "--rm",
          "--layers",
          base,
          ...flags,
          "--",
          "cmd",
          "/c",
          "ver",
        ];
        const line = words.map((word) => `"${word}"`).join(" ");
        const hidden = `mount -t tmpfs none /usr/lib/wine && exec "${HCSCTL}" ${line}`;
        const result = await runCommand("unshare", ["--mount", "sh", "-c", hidden], {
          env: { RUNHCS_CONFIG: settings, NODE_OPTIONS: "", NODE_V8_COVERAGE: "" },
        });
        assert.equal(result.code, 125);
        const sentence = `(HCS_E_SERVICE_NOT_AVAILABLE): ${NO_WINE}\n`;
        assert.match(result.stderr, /^hcsctl: cannot create the task of container "[^\n]*\n$/);
        assert.ok(result.stderr.endsWith(sentence), result.stderr);
        assert.deepEqual(readdirSync(join(state, "c", "default", "containers")), []);
      } finally {
        rmSync(state, { recursive: true });
      }
    });

  it("the quickstart shows no Windows containers, and says what to install where it cannot do that itself", async () => {
    const script = join(import.meta.dirname, "../../scripts/run.mjs");
    const hidden = [
      "mount -t tmpfs none /usr/lib/wine",
      `mount --bind /dev/null "${findProgram("apt-get") ?? ""}"`,
      `exec "${process.execPath}" "${script}" quickstart --windows`,
    ].join(" && ");
    const env = { ...process.env, NODE_OPTIONS: "", NODE_V8_COVERAGE: "" };
    const result = await runCommand("unshare", ["--mount", "sh", "-c", hidden], { env });
    assert.equal(result.code, 1, result.stderr);
    assert.match(
      result.stdout.toString() + result.stderr,
      /cannot go on without:\n {2}wine \(64-bit\) \(package wine64\): .*\n.*install what these Debian packages hold: wine64\n/,
    );
  });

  it("nor without the programs that run inside", async () => {
    const host = new WindowsHost({
      stateDirectory: directory,
      windowsDirectory: WINDOWS_DIRECTORY,
      programDirectory: directory,
    });
    await assert.rejects(
      host.require({ operation: "create compute system", target: "c" }),
      /HCS_E_SERVICE_NOT_AVAILABLE.*CExecSvc\.exe" is not there: install gcc-mingw-w64-x86-64 and run npm run build/,
    );
  });
});
