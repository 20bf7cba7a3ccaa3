/** Compares the rows of a table case. */
import type { Json } from "../../../../hcs/scripted/platform.ts";
import { NO_BOOT_FILES } from "../tables/vm-options.ts";
import type { Placeholders } from "./placeholders.ts";
import { compareValues, type Difference } from "./values.ts";

export function compareTable(
  expected: readonly Json[],
  actual: readonly Json[],
  placeholders: Placeholders,
): Difference[] {
  const rows = Math.max(expected.length, actual.length);
  return Array.from({ length: rows }, (_, row) => row).flatMap((row) => {
    const path = `results.json row ${row}`;
    const differences = compareValues(
      path,
      comparable(expected[row], expected[row]),
      comparable(actual[row], expected[row]),
      placeholders,
    );
    const note = actual[row]?.["error"];
    return typeof note === "string"
      ? differences.map((difference) => ({ ...difference, note }))
      : differences;
  });
}

/** Texts of errors are for people: that there is one counts. Where the final check of VM options stops, so must ours. */
function comparable(row: Json | undefined, expected: Json | undefined): Json | undefined {
  if (row === undefined) return undefined;
  const { error, verify: _, ...rest } = row;
  return {
    ...rest,
    ...(error === undefined ? {} : { error: true }),
    verify: strictness(row) >= strictness(expected),
  };
}

/** Options may pass, or pass but for the boot files that a table has not; ours are refused for more. */
function strictness(row: Json | undefined): number {
  const stop = (row?.["verify"] as Json | undefined)?.["error"];
  if (stop === undefined) return 0;
  return stop === NO_BOOT_FILES ? 1 : 2;
}
