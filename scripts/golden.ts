/**
 * Runs golden cases: what the shim makes of a specification on a scripted Windows machine, compared with what the
 * reference implementation made of it.
 *
 *     npm run --silent golden -- test/golden/hcs
 *     npm run --silent golden -- --check documents -v test/golden/hcs/lcow-pod-lifecycle
 *
 * Exits with 0 when no case differs.
 */
import { parseArgs } from "node:util";
import { findCases, isLeftOut, type GoldenCase } from "../test/golden/runner/case.ts";
import { CHECKS, checkCase, readKnownDifferences, type Check } from "../test/golden/runner/check.ts";
import { formatDifferences } from "../test/golden/runner/report.ts";

const USAGE = `usage: npm run --silent golden -- [--check ${CHECKS.join("|")}]... [-v] DIR...

Runs every case in and below each DIR.

  --check WHAT   compare only this; may be given several times (default: documents and results)
  -v, --verbose  show all differences, and the cases that pass
  -h, --help     this text`;

const DEFAULT_CHECKS: readonly Check[] = ["documents", "results"];
const FEW = 3;
const KNOWN = readKnownDifferences();

interface Command {
  readonly checks: readonly Check[];
  readonly verbose: boolean;
  readonly cases: readonly GoldenCase[];
}

function readCommand(args: readonly string[]): Command | "help" {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      check: { type: "string", multiple: true },
      verbose: { type: "boolean", short: "v", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  if (positionals.length === 0) throw new Error(`cannot run golden cases: no directory is named\n\n${USAGE}`);
  const checks = (values.check ?? []).flatMap((names) => names.split(","));
  const unknown = checks.find((check) => !CHECKS.includes(check as Check));
  if (unknown !== undefined) throw new Error(`cannot check "${unknown}": known are ${CHECKS.join(", ")}`);
  return {
    checks: checks.length === 0 ? DEFAULT_CHECKS : (checks as Check[]),
    verbose: values.verbose,
    cases: casesIn(positionals),
  };
}

function casesIn(directories: readonly string[]): GoldenCase[] {
  const found = directories.flatMap((directory) => findCases(directory));
  if (found.length === 0)
    throw new Error(`cannot run golden cases: there are none in ${directories.join(", ")}`);
  return found.filter((golden) => !isLeftOut(golden));
}

/** Errors that nobody caught, of whatever the case under way has set going. */
const stray: unknown[] = [];

async function run({ checks, verbose, cases }: Command): Promise<boolean> {
  let [passed, failed] = [0, 0];
  for (const golden of cases) {
    const lines = await differencesOf(golden, checks, verbose ? Infinity : FEW);
    if (lines.length === 0) passed++;
    else failed++;
    if (lines.length > 0) console.log([`✗ ${golden.name}`, ...lines, ""].join("\n"));
    else if (verbose) console.log(`✓ ${golden.name}`);
  }
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  return failed === 0;
}

async function differencesOf(golden: GoldenCase, checks: readonly Check[], most: number): Promise<string[]> {
  const lines = await checked(golden, checks, most);
  return [...lines, ...stray.splice(0).map((error) => `  error that nobody caught: ${textOf(error)}`)];
}

async function checked(golden: GoldenCase, checks: readonly Check[], most: number): Promise<string[]> {
  try {
    return formatDifferences((await checkCase(golden, checks, KNOWN)).unexpected, most);
  } catch (error) {
    // A case that cannot be run must not hide the others.
    return [`  cannot be run: ${textOf(error)}`];
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

for (const event of ["uncaughtException", "unhandledRejection"] as const)
  process.on(event, (error: unknown) => stray.push(error));

try {
  const command = readCommand(process.argv.slice(2));
  if (command === "help") console.log(USAGE);
  else process.exitCode = (await run(command)) ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
