/** Compares a run of an end-to-end case with what the reference executable did. */
import type { Json } from "../../../hcs/scripted/platform.ts";
import type { TraceEntry } from "../../../hcs/scripted/recorder.ts";
import { expectedDocuments, readExpected, type GoldenCase } from "../../golden/runner/case.ts";
import { Placeholders } from "../../golden/runner/compare/placeholders.ts";
import { compareTraces } from "../../golden/runner/compare/trace.ts";
import { compareValues, type Difference } from "../../golden/runner/compare/values.ts";
import type { E2eRun } from "./e2e-case.ts";

const SHIM = "containerd-shim-runhcs-v1";

export function compareE2e(golden: GoldenCase, run: E2eRun): Difference[] {
  const placeholders = new Placeholders({ OWNER: SHIM, SHIMDIR: "C:\\", temporaryDirectories: [] });
  const results = (readExpected(golden, "results.json") ?? []) as Json[];
  const trace = (readExpected(golden, "trace.json") ?? []) as TraceEntry[];
  return [
    ...results.flatMap((expected, index) =>
      compareStep(`results.json step ${index + 1}`, expected, run.results[index] ?? {}, placeholders),
    ),
    ...expectedDocuments(golden).flatMap((name) =>
      compareValues(name, readExpected(golden, name), run.documents.get(name), placeholders),
    ),
    ...compareTraces(named(trace).map(withoutMoments), named(run.trace).map(asRecorded), placeholders),
  ];
}

/** A step by what it is: texts for people count as there or not. */
function compareStep(path: string, expected: Json, actual: Json, placeholders: Placeholders): Difference[] {
  if (expected["emptyResponseOrConnectionClosed"] === true) {
    const { code } = (actual["error"] ?? {}) as { code?: string };
    const isClosed = code === "Unavailable" || code === "Canceled" || actual["response"] !== undefined;
    return isClosed ? [] : [{ path, expected: "an empty response, or a closed connection", actual }];
  }
  return Object.entries(expected).flatMap(([member, wanted]) => {
    const found = actual[member];
    if (member === "stderr") return compareTexts(`${path}/stderr`, String(wanted), String(found));
    if (member === "files") return compareFiles(`${path}/files`, wanted as Json, found as Json, placeholders);
    if (member === "error")
      return compareValues(
        `${path}/error/code`,
        (wanted as Json)["code"],
        (found as Json | undefined)?.["code"],
        placeholders,
      );
    return compareValues(`${path}/${member}`, withoutMoments(wanted), found, placeholders);
  });
}

/** Where the reference says something, something has to be said. */
function compareTexts(path: string, expected: string, actual: string): Difference[] {
  return (expected === "") === (actual === "") ? [] : [{ path, expected, actual }];
}

/** Our own journal is not the reference's affair. */
function compareFiles(
  path: string,
  expected: Json,
  actual: Json = {},
  placeholders: Placeholders,
): Difference[] {
  const { "journal.jsonl": _, ...found } = actual;
  const names = new Set([...Object.keys(expected), ...Object.keys(found)]);
  return [...names].flatMap((name) => {
    const wanted = expected[name];
    if (typeof wanted === "string" && wanted.startsWith("<"))
      return compareTexts(`${path}/${name}`, wanted, textOf(found[name]));
    // A pid is a number wherever else it appears.
    const value = /^\d+$/.test(textOf(found[name])) ? Number(found[name]) : found[name];
    return compareValues(`${path}/${name}`, wanted, value, placeholders);
  });
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The comparison names steps by operation and id. */
function named(trace: readonly TraceEntry[]): TraceEntry[] {
  return withoutOpening(trace).map((entry) => (entry.call === "Step" ? { ...entry, id: "" } : entry));
}

/**
 * To kill, the reference opens the container and its process anew; whoever has them open need not. Which processes a call is about is
 * not in these recordings.
 */
function withoutOpening(trace: readonly TraceEntry[]): TraceEntry[] {
  const kept: TraceEntry[] = [];
  for (const entry of trace) {
    if (entry.call === "HcsOpenProcess") {
      while (/^Hcs(?:Open|Get)ComputeSystem/.test(kept.at(-1)?.call ?? "")) kept.pop();
      // Where a layer's volume is was not recorded.
    } else if (entry.call !== "GetLayerMountPath") kept.push(entry);
  }
  return kept;
}

const MOMENTS: ReadonlySet<string> = new Set(["exitedAt"]);

function withoutMoments<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutMoments) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !MOMENTS.has(name))
      .map(([name, member]) => [name, withoutMoments(member)]),
  ) as T;
}

const LAYER_CALLS = /^(?:Activate|Prepare|Unprepare|Deactivate)Layer$/;

/** Our machine's entries in the words of these recordings: layers by their path alone, calls on processes by their system alone. */
function asRecorded(entry: TraceEntry): TraceEntry {
  if (LAYER_CALLS.test(entry.call)) return { call: entry.call, id: entry["path"] };
  if (/^Hcs(?:Terminate|Signal|Modify)Process$/.test(entry.call)) {
    return { call: entry.call, id: entry["id"] };
  }
  return entry;
}
