/** Runs a case and compares what came of it with what the reference did. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Json } from "../../../hcs/scripted/platform.ts";
import { expectedDocuments, readExpected, type GoldenCase } from "./case.ts";
import { Placeholders } from "./compare/placeholders.ts";
import { compareResults, compareWarnings } from "./compare/results.ts";
import { compareTable } from "./compare/table.ts";
import { compareTraces } from "./compare/trace.ts";
import { compareValues, type Difference } from "./compare/values.ts";
import type { TraceEntry } from "../../../hcs/scripted/recorder.ts";
import {
  judge,
  outdated,
  parseKnownDifferences,
  type Judgement,
  type KnownDifference,
} from "./known-differences.ts";
import { SHIM_DIRECTORY, SHIM_NAME } from "./names.ts";
import { runShimCase, type ShimRun } from "./shim-run.ts";
import { runTable } from "./tables/run-table.ts";

export const CHECKS = ["documents", "results", "trace"] as const;
export type Check = (typeof CHECKS)[number];

const KNOWN = join(dirname(fileURLToPath(import.meta.url)), "..", "DIFFERENCES.md");

export function readKnownDifferences(): KnownDifference[] {
  return parseKnownDifferences(readFileSync(KNOWN, "utf8"));
}

/** @returns the differences that are not meant, in the order of the checks, and the rows that cover the others */
export async function checkCase(
  golden: GoldenCase,
  checks: readonly Check[],
  known: readonly KnownDifference[],
): Promise<Judgement> {
  const { kind } = golden.options;
  const differences =
    kind === "shim"
      ? checkShimRun(golden, await runShimCase(golden), checks)
      : await checkTable(golden, checks);
  const { unexpected, applied } = judge(golden.name, differences, known);
  const old = outdated(golden.name, known, applied, (where) => checks.includes(checkOf(where)));
  return { unexpected: [...unexpected, ...old], applied };
}

/** The check that finds differences of this path. */
function checkOf(path: string): Check {
  if (path.startsWith("trace.json")) return "trace";
  return /^(?:results|warnings)\.json/.test(path) ? "results" : "documents";
}

/** A table has nothing but results. */
async function checkTable(golden: GoldenCase, checks: readonly Check[]): Promise<Difference[]> {
  if (checks.every((check) => check === "trace")) return [];
  const expected = (readExpected(golden, "results.json") ?? []) as Json[];
  return compareTable(expected, await runTable(golden), placeholders([]));
}

function placeholders(temporaryDirectories: readonly string[]): Placeholders {
  return new Placeholders({ OWNER: SHIM_NAME, SHIMDIR: SHIM_DIRECTORY, temporaryDirectories });
}

function checkShimRun(golden: GoldenCase, run: ShimRun, checks: readonly Check[]): Difference[] {
  const matched = placeholders(run.temporaryDirectories);
  const compare: Readonly<Record<Check, () => Difference[]>> = {
    documents: () => compareDocuments(golden, run, matched),
    results: () => [
      ...compareResults((readExpected(golden, "results.json") ?? []) as Json[], run.results, matched),
      ...compareWarnings((readExpected(golden, "warnings.json") ?? []) as Json[], run.warnings),
    ],
    trace: () => {
      const expected = (readExpected(golden, "trace.json") ?? []) as TraceEntry[];
      return compareTraces(expected, run.trace, matched);
    },
  };
  return CHECKS.filter((check) => checks.includes(check)).flatMap((check) => compare[check]());
}

function compareDocuments(golden: GoldenCase, run: ShimRun, placeholders: Placeholders): Difference[] {
  const expected = expectedDocuments(golden);
  const failures = run.results.filter(({ error }) => error !== undefined);
  const note = failures.map(({ op, id, error }) => `${op} ${id} failed: ${error?.message}`).join("\n");
  return [...new Set([...expected, ...run.documents.keys()])].flatMap((name) => {
    const document = run.documents.get(name);
    const differences = compareValues(name, readExpected(golden, name), document, placeholders);
    return document !== undefined || note === ""
      ? differences
      : differences.map((difference) => ({ ...difference, note }));
  });
}
