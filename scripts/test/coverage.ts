/** Makes one report of what several suites ran through. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { mustRun } from "../../test/support/command.ts";
import { COVERAGE_DIRECTORY } from "./run-suite.ts";

const REPOSITORY = join(import.meta.dirname, "../..");
const REPORT_TIMEOUT_MS = 5 * 60_000;

/** Forgets what earlier runs counted. */
export async function clearCoverage(): Promise<void> {
  await rm(COVERAGE_DIRECTORY, { recursive: true, force: true });
}

/**
 * Writes `coverage/lcov.info` and gives the summary's lines.
 *
 * @returns for example `Lines: 93.1% (8123/8725)`
 */
export async function reportCoverage(): Promise<string[]> {
  const c8 = join(REPOSITORY, "node_modules/c8/bin/c8.js");
  const text = await mustRun(
    process.execPath,
    [
      c8,
      "report",
      "--temp-directory",
      COVERAGE_DIRECTORY,
      "--reporter",
      "text-summary",
      "--reporter",
      "lcovonly",
    ],
    { cwd: REPOSITORY, timeoutMs: REPORT_TIMEOUT_MS },
  );
  return text
    .split("\n")
    .map((line) =>
      /^(Statements|Branches|Functions|Lines)\s*:\s*(\S+) \( (\S+) \)/.exec(
        line.replaceAll("%", "% ").replace("%  ", "% "),
      ),
    )
    .filter((match) => match !== null)
    .map(([, what, percent, counts]) => `${what}: ${percent} (${counts})`);
}
