/**
 * Runs the tests: prepares the machine, builds, runs the suites one by one, prints coverage and the sum.
 *
 *     npm test                          everything
 *     npm test -- unit property         some suites
 *     npm test -- unit -g quoting       one suite, the rest goes to mocha
 *
 * Exits with 0 only when nothing failed. Where CI is set and everything can run, a skipped test counts as failed.
 */
import { type SuiteResult, runSuite } from "./test/run-suite.ts";
import { clearCoverage, reportCoverage } from "./test/coverage.ts";
import { mayNothingSkip, prepare } from "./test/preparation.ts";
import { type Selection, selectSuites } from "./test/suites.ts";
import { formatDuration, formatTable } from "./terminal/format.ts";
import { type Reporter, createReporter } from "./terminal/reporter.ts";

async function main(reporter: Reporter, selection: Selection): Promise<boolean> {
  await prepare(reporter, selection.suites);
  const covered = selection.suites.filter(({ coverage }) => coverage).length;
  if (covered > 0) await clearCoverage();

  const results: SuiteResult[] = [];
  for (const suite of selection.suites) {
    reporter.heading(`${suite.name}: ${suite.purpose}`);
    results.push(await runSuite(suite, selection.mochaArguments));
  }

  if (covered > 0) {
    reporter.heading("coverage");
    reporter.note(...(await reporter.step("count lines", () => reportCoverage())));
  }

  reporter.heading("result");
  const rows = results.map(({ name, passed, failed, skipped, durationMs }) => [
    name,
    `${passed} passed`,
    `${failed} failed`,
    `${skipped} skipped`,
    formatDuration(durationMs),
  ]);
  reporter.note(...formatTable(rows, [1, 2, 3, 4]));
  const sum = (field: "passed" | "failed" | "skipped"): number =>
    results.reduce((total, result) => total + result[field], 0);
  const [passed, skipped] = [sum("passed"), sum("skipped")];
  let failed = sum("failed");
  if (skipped > 0 && (await mayNothingSkip())) {
    reporter.warn("nothing may skip here: skipped tests count as failed");
    failed += skipped;
  }
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed === 0;
}

try {
  const good = await main(createReporter(), selectSuites(process.argv.slice(2)));
  process.exitCode = good ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
