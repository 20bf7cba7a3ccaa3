/**
 * The end-to-end cases of the reference executable, run with the packed one under Wine. What differs on purpose is in
 * `test/golden/DIFFERENCES.md`.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Platform } from "../../hcs/scripted/platform.ts";
import { Recorder } from "../../hcs/scripted/recorder.ts";
import { findCases } from "../golden/runner/case.ts";
import { readKnownDifferences } from "../golden/runner/check.ts";
import { judge, outdated } from "../golden/runner/known-differences.ts";
import { formatDifferences } from "../golden/runner/report.ts";
import { compareE2e } from "./support/compare.ts";
import { runE2eCase } from "./support/e2e-case.ts";
import { WindowsMachine } from "./support/machine.ts";
import { machineWithPrograms } from "./support/programs.ts";

const CASES = join(import.meta.dirname, "../golden/hcs");

/** Fixed in the recordings: one volume for every scratch disk. */
const VOLUME = "\\\\?\\Volume{50100000-0000-4000-8000-000000000001}";
const PLATFORM: Platform = {
  windowsBuild: 20348,
  hostProcessors: 8,
  vmRuntimeId: "a0a0a0a0-0000-4000-8000-000000000001",
  scratchVolumes: Object.fromEntries(["c1", "c2", "pod1"].map((id) => [`C:\\snap\\${id}`, VOLUME])),
};

describe("recorded end-to-end cases, by the packed executable", function () {
  this.timeout(300_000);
  const known = readKnownDifferences();

  for (const golden of findCases(CASES).filter(({ options }) => options.kind === "e2e")) {
    it(golden.name, async () => {
      const recorder = new Recorder();
      const { backend, endPrograms } = machineWithPrograms(PLATFORM, recorder);
      await using machine = await WindowsMachine.boot(backend);
      // The snapshotter has made the scratch disks.
      for (const id of ["c1", "c2", "pod1"]) machine.write(`C:\\snap\\${id}\\sandbox.vhdx`, "");
      for (const layer of ["1", "2"]) machine.makeDirectory(`C:\\snap\\${layer}`);
      const run = await runE2eCase(golden, machine, { recorder, endPrograms });
      const { unexpected, applied } = judge(golden.name, compareE2e(golden, run), known);
      const old = outdated(golden.name, known, applied, () => true);
      assert.equal(formatDifferences([...unexpected, ...old], 20).join("\n"), "");
      assert.deepEqual(machine.host.violations, []);
    });
  }
});
