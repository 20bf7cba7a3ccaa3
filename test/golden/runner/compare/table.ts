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

/**
 * Texts of errors are for people: that there is one counts. The final check of VM options always fails in a table, at
 * the boot files at the latest; where the reference stops earlier, so must we.
 */
function comparable(row: Json | undefined, expected: Json | undefined): Json | undefined {
  if (row === undefined) return undefined;
  const { error, verify, ...rest } = row;
  return {
    ...rest,
    ...(error === undefined ? {} : { error: true }),
    ...(verify === undefined
      ? {}
      : { verify: stopOf(row) !== undefined && stopsEarly(row) >= stopsEarly(expected) }),
  };
}

function stopsEarly(row: Json | undefined): number {
  return stopOf(row) === NO_BOOT_FILES ? 0 : 1;
}

function stopOf(row: Json | undefined): unknown {
  return (row?.["verify"] as Json | undefined)?.["error"];
}
