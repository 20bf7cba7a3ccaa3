/**
 * Compares what happened outside, step by step. Between host calls and guest requests order counts; events have an
 * order of their own; what a trace puts under `$unordered` comes in any. Some calls are an implementation's own affair.
 */
import type { TraceEntry } from "../../../../hcs/scripted/recorder.ts";
import type { Placeholders } from "./placeholders.ts";
import { compareValues, type Difference } from "./values.ts";

interface StepTrace {
  readonly name: string;
  readonly entries: readonly TraceEntry[];
}

export function compareTraces(
  expected: readonly TraceEntry[],
  actual: readonly TraceEntry[],
  placeholders: Placeholders,
): Difference[] {
  const [wanted, found] = [splitSteps(expected), splitSteps(actual)];
  return wanted.flatMap(({ name, entries }, index) => {
    const path = `trace.json ${name}`;
    const own = found[index]?.entries ?? [];
    return [
      ...compareSequence(
        `${path} calls`,
        significant(entries, isCall),
        significant(own, isCall),
        placeholders,
      ),
      ...compareSequence(
        `${path} events`,
        significant(entries, isEvent),
        significant(own, isEvent),
        placeholders,
      ),
    ];
  });
}

function splitSteps(trace: readonly TraceEntry[]): StepTrace[] {
  const steps: { name: string; entries: TraceEntry[] }[] = [];
  for (const entry of trace) {
    if (entry.call === "Step") {
      const words = [`step ${steps.length + 1}`, entry["op"], entry["id"], entry["execId"] ?? ""];
      steps.push({ name: words.filter((word) => word !== "").join(" "), entries: [] });
    } else steps.at(-1)?.entries.push(entry);
  }
  return steps;
}

const isEvent = ({ call }: TraceEntry): boolean => call === "Event";
const isCall = (entry: TraceEntry): boolean => !isEvent(entry);

/** Calls that another implementation may make more or less often. */
const OPTIONAL: ReadonlySet<string> = new Set(["GrantVmAccess", "HcsCloseComputeSystem"]);

/** After these, and after another such query, the properties of a system are asked for. */
const FRESH_HANDLE: ReadonlySet<string> = new Set([
  "HcsCreateComputeSystem",
  "HcsOpenComputeSystem",
  "HcsGetComputeSystemProperties",
]);

/** The entries of one sort that must be there, in their order; those of an unordered group stay a group. */
function significant(entries: readonly TraceEntry[], sort: (entry: TraceEntry) => boolean): TraceEntry[] {
  const kept: TraceEntry[] = [];
  let previous: TraceEntry | undefined;
  for (const entry of entries) {
    if (entry.call === "$unordered") {
      const group = significant(entry["entries"] as TraceEntry[], sort);
      if (group.length > 0) kept.push({ call: "$unordered", entries: group });
    } else if (sort(entry) && !isOptional(entry, previous)) kept.push(entry);
    previous = entry;
  }
  return kept;
}

/** @param previous the entry before it in the same step */
function isOptional(entry: TraceEntry, previous: TraceEntry | undefined): boolean {
  if (OPTIONAL.has(entry.call)) return true;
  // Through a handle that is closed nothing is ended.
  if (entry.call === "JobObject.Terminate") return previous?.call === "JobObject.Close";
  // Facts about a system just created or opened, and about the machine, are asked for as often as somebody likes.
  if (entry.call === "HcsGetComputeSystemProperties") {
    return isEmptyQuery(entry) && FRESH_HANDLE.has(previous?.call ?? "");
  }
  return entry.call === "HcsGetServiceProperties" && isMachineQuery(entry);
}

function isEmptyQuery(entry: TraceEntry): boolean {
  return Object.keys(entry["query"] ?? {}).length === 0;
}

function isMachineQuery(entry: TraceEntry): boolean {
  const { PropertyTypes } = (entry["query"] ?? {}) as { PropertyTypes?: readonly string[] };
  return PropertyTypes?.length === 1 && PropertyTypes[0] === "ProcessorTopology";
}

/** Where order counts, what follows a missing call is shifted: nothing after it says anything. */
function compareSequence(
  path: string,
  expected: readonly TraceEntry[],
  actual: readonly TraceEntry[],
  placeholders: Placeholders,
): Difference[] {
  const found: Difference[] = [];
  let at = 0;
  for (const entry of expected) {
    const group = entry.call === "$unordered" ? (entry["entries"] as TraceEntry[]) : undefined;
    const length = group?.length ?? 1;
    const here = actual.slice(at, at + length);
    const differences =
      group === undefined
        ? compareEntry(`${path} ${at + 1}`, entry, here[0], placeholders)
        : compareGroup(`${path} ${at + 1}`, group, here, placeholders);
    found.push(...differences);
    if (group === undefined && entry.call !== here[0]?.call) return found;
    at += length;
  }
  if (at < actual.length) found.push({ path: `${path} ${at + 1}`, expected: undefined, actual: actual[at] });
  return found;
}

function compareEntry(
  path: string,
  expected: TraceEntry,
  actual: TraceEntry | undefined,
  placeholders: Placeholders,
): Difference[] {
  // Two different calls have nothing to compare in common.
  if (actual === undefined || expected.call !== actual.call) return [{ path, expected, actual }];
  return compareValues(`${path} ${expected.call}`, expected, actual, placeholders);
}

/** Finds an order of the actual entries that fits, trying all. */
function compareGroup(
  path: string,
  expected: readonly TraceEntry[],
  actual: readonly TraceEntry[],
  placeholders: Placeholders,
): Difference[] {
  const fits = (wanted: readonly TraceEntry[], left: readonly TraceEntry[]): boolean => {
    const [first, ...rest] = wanted;
    if (first === undefined) return left.length === 0;
    return left.some((candidate) => {
      const saved = placeholders.save();
      const others = left.filter((other) => other !== candidate);
      if (compareEntry(path, first, candidate, placeholders).length === 0 && fits(rest, others)) return true;
      placeholders.restore(saved);
      return false;
    });
  };
  return fits(expected, actual) ? [] : [{ path: `${path} in any order`, expected, actual }];
}
