/** What a machine without Wine answers: one sentence that says what to install. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WindowsHost } from "../../hcs/emulator/windows/host.ts";
import { NO_WINE } from "../../hcs/emulator/windows/wine.ts";
import { runCommand } from "../support/command.ts";
import { WINDOWS_DIRECTORY } from "../support/windows-containers.ts";

describe("without Wine", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "no-wine-"));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it("a base layer cannot be made, and the message says what to install", async () => {
    const hcsctl = join(import.meta.dirname, "../../dist/bin/hcsctl");
    // In a mount namespace of its own nothing is where Wine was.
    const hidden = `mount -t tmpfs none /usr/lib/wine && exec "${hcsctl}" emulator base "${directory}/base"`;
    const result = await runCommand("unshare", ["--mount", "sh", "-c", hidden]);
    assert.equal(result.code, 1);
    assert.equal(result.stderr.trim(), `hcsctl: cannot make base layer "${directory}/base": ${NO_WINE}`);
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
