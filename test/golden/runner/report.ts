/** Tells people what a case differs in. */
import { stringifyJson } from "../../../hcs/json.ts";
import type { Difference } from "./compare/values.ts";

const LONGEST_VALUE = 400;

/** The first differences of a case, as lines. */
export function formatDifferences(differences: readonly Difference[], most: number): string[] {
  const lines = differences
    .slice(0, most)
    .flatMap(({ path, expected, actual, note }) => [
      `  ${path}`,
      `    expected ${show(expected)}`,
      `    got      ${show(actual)}`,
      ...(note === undefined ? [] : note.split("\n").map((line) => `    (${shorten(line)})`)),
    ]);
  const left = differences.length - most;
  return left > 0 ? [...lines, `  … and ${left} more (-v shows all)`] : lines;
}

function show(value: unknown): string {
  return value === undefined ? "nothing" : shorten(stringifyJson(value));
}

function shorten(text: string): string {
  return text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE)}…`;
}
