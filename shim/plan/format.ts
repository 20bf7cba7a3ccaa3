/** Documents as people read them: JSON, with the reason for each field beside it. */
import { isObject, pointer } from "../../oci/json.ts";

interface Line {
  readonly text: string;
  /** JSON pointer, for lines with a value of their own. */
  readonly at?: string;
}

/** @param noteOf what stands beside the value at a JSON pointer; empty: nothing */
export function formatDocument(document: unknown, noteOf: (at: string) => string = () => ""): string {
  const lines = linesOf(document, "", "", "");
  const noted = lines.map((line) => ({ ...line, note: line.at === undefined ? "" : noteOf(line.at) }));
  const width = Math.min(
    LONGEST_TEXT,
    Math.max(0, ...noted.filter(({ note }) => note !== "").map(({ text }) => text.length)),
  );
  return noted.map(({ text, note }) => (note === "" ? text : `${text.padEnd(width)}  ← ${note}`)).join("\n");
}

/** Notes of longer lines just follow them. */
const LONGEST_TEXT = 76;

function linesOf(value: unknown, indent: string, label: string, at: string, comma = ""): Line[] {
  const isList = Array.isArray(value);
  if (!isList && !isObject(value)) return [{ text: `${indent}${label}${scalar(value)}${comma}`, at }];
  const members: [string, unknown][] = Object.entries(value);
  const [open, close] = isList ? ["[", "]"] : ["{", "}"];
  if (members.length === 0) return [{ text: `${indent}${label}${open}${close}${comma}`, at }];
  return [
    { text: `${indent}${label}${open}` },
    ...members.flatMap(([name, inner], index) =>
      linesOf(
        inner,
        `${indent}  `,
        isList ? "" : `${JSON.stringify(name)}: `,
        pointer(at, name),
        index === members.length - 1 ? "" : ",",
      ),
    ),
    { text: `${indent}${close}${comma}` },
  ];
}

function scalar(value: unknown): string {
  return typeof value === "bigint" ? String(value) : (JSON.stringify(value) ?? "null");
}
