/** Differences from the reference that are meant, as test/golden/DIFFERENCES.md lists them. */
import type { Difference } from "./compare/values.ts";

export interface KnownDifference {
  readonly case: string;
  /** The beginning of a difference's path. */
  readonly where: string;
  readonly reason: string;
}

const HEADER = ["case", "where", "reason"];
const SEPARATOR = /^:?-+:?$/;

/** Reads the table in a Markdown text; text around it is for people. @throws {Error} for a row that is not complete */
export function parseKnownDifferences(markdown: string): KnownDifference[] {
  const rows = markdown
    .split("\n")
    .filter((line) => line.trimStart().startsWith("|"))
    .map(cellsOf);
  const [header, ...rest] = rows;
  if (header?.join() !== HEADER.join())
    throw new Error(
      `cannot read the known differences: the table must have the columns ${HEADER.join(", ")}`,
    );
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
  const [name = "", where = "", reason = ""] = cells;
  if (cells.length === HEADER.length && cells.every((cell) => cell !== ""))
    return { case: name, where, reason };
  throw new Error(
    `cannot read a known difference: a row needs ${HEADER.join(", ")} (found "${cells.join(" | ")}")`,
  );
}

/**
 * What is left of a case's differences without the known ones.
 *
 * @param isChecked whether paths of this beginning were compared at all: a row about others is not judged
 */
export function withoutKnown(
  name: string,
  differences: readonly Difference[],
  known: readonly KnownDifference[],
  isChecked: (where: string) => boolean,
): Difference[] {
  const rows = known.filter((row) => row.case === name && isChecked(row.where));
  const covers = ({ where }: KnownDifference, { path }: Difference): boolean =>
    path === where || path.startsWith(`${where}/`) || path.startsWith(`${where} `);
  const outdated = rows.filter((row) => !differences.some((difference) => covers(row, difference)));
  return [
    ...differences.filter((difference) => !rows.some((row) => covers(row, difference))),
    ...outdated.map(({ where, reason }) => ({
      path: where,
      expected: `a difference: ${reason}`,
      actual: "none: remove the row of DIFFERENCES.md",
    })),
  ];
}
