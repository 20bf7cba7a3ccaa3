/** Differences from the reference that are meant, as test/golden/DIFFERENCES.md lists them. */
import { isDeepStrictEqual } from "node:util";
import { parseJson } from "../../../hcs/json.ts";
import type { Difference } from "./compare/values.ts";

export interface KnownDifference {
  /** Name of the case; `*` stands for any text. */
  readonly case: string;
  /** The beginning of a difference's path; `*` stands for any text. */
  readonly where: string;
  readonly expected: KnownValue;
  readonly got: KnownValue;
  readonly reason: string;
}

/** Any value at all, or this one; `undefined` is nothing. */
type KnownValue = "any" | { readonly value: unknown };

const COLUMNS = ["case", "where", "expected", "got", "reason"];
const SEPARATOR = /^:?-+:?$/;

/** Reads the table in a Markdown text; text around it is for people. @throws {Error} for a row that is not complete */
export function parseKnownDifferences(markdown: string): KnownDifference[] {
  const rows = markdown
    .split("\n")
    .filter((line) => line.trimStart().startsWith("|"))
    .map(cellsOf);
  const [header, ...rest] = rows;
  if (header?.join() !== COLUMNS.join())
    throw new Error(`cannot read known differences: the columns must be ${COLUMNS.join(", ")}`);
  return rest.filter((cells) => !cells.every((cell) => SEPARATOR.test(cell))).map(rowOf);
}

function cellsOf(line: string): string[] {
  return line
    .trim()
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => cell.trim().replace(/^`(.*)`$/, "$1"));
}

function rowOf(cells: readonly string[]): KnownDifference {
  const [name = "", where = "", expected = "", got = "", reason = ""] = cells;
  if (cells.length !== COLUMNS.length || cells.includes(""))
    throw new Error(
      `cannot read a known difference: it needs ${COLUMNS.join(", ")} (found "${cells.join(" | ")}")`,
    );
  return { case: name, where, expected: valueOf(expected), got: valueOf(got), reason };
}

function valueOf(text: string): KnownValue {
  if (text === "any") return "any";
  return { value: text === "nothing" ? undefined : parseJson(text) };
}

/** The differences of a case that are not meant, and the rows that the others answer to. */
export interface Judgement {
  readonly unexpected: readonly Difference[];
  readonly applied: readonly KnownDifference[];
}

export function judge(
  name: string,
  differences: readonly Difference[],
  known: readonly KnownDifference[],
): Judgement {
  const rows = known.filter((row) => pattern(row.case, "$").test(name));
  const applied = rows.filter((row) => differences.some((difference) => covers(row, difference)));
  const unexpected = differences.filter((difference) => !applied.some((row) => covers(row, difference)));
  return { unexpected, applied };
}

/**
 * Rows of a case that nothing answers to any more, as differences. Those of every case are judged by whoever runs all.
 *
 * @param isChecked whether such paths were compared at all
 */
export function outdated(
  name: string,
  known: readonly KnownDifference[],
  applied: readonly KnownDifference[],
  isChecked: (where: string) => boolean,
): Difference[] {
  return known
    .filter((row) => row.case === name && isChecked(row.where) && !applied.includes(row))
    .map(({ where, reason }) => ({
      path: where,
      expected: `a difference: ${reason}`,
      actual: "none: its row in DIFFERENCES.md is outdated",
    }));
}

function covers({ where, expected, got }: KnownDifference, difference: Difference): boolean {
  return (
    isAtOrBelow(where, difference.path) && fits(expected, difference.expected) && fits(got, difference.actual)
  );
}

function isAtOrBelow(where: string, path: string): boolean {
  return pattern(where, "(?:$|[/ ])").test(path);
}

/** @param end what may follow, as a regular expression */
function pattern(text: string, end: string): RegExp {
  const pieces = text.split("*").map((piece) => piece.replace(/[\\^$.+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${pieces.join(".*")}${end}`, "s");
}

function fits(known: KnownValue, value: unknown): boolean {
  return known === "any" || isDeepStrictEqual(known.value, value);
}
