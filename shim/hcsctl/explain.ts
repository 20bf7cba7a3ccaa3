/** `explain`: what a code, a key or a name means that people meet in errors, logs, specs and configuration. */
import { formatHresult, describeHresult } from "../../hcs/hresult.ts";
import { HRESULTS } from "../../hcs/hresult-table.ts";
import type { AnnotationRow } from "../../oci/annotations/row.ts";
import { ANNOTATION_TOPICS } from "../../oci/annotations/topics.ts";
import { nearestName } from "../../oci/nearest.ts";
import { ERRORS, type ErrorCode } from "../errors.ts";
import { ANNOTATION_PREFIX, OPTIONS } from "../options/table.ts";
import { PHASES, type PhaseName } from "../phases/table.ts";
import { JSON_FLAG, type Command } from "./command.ts";

/** One meaning of a word. */
interface Meaning {
  /** What kind of thing it is: `HRESULT`, `annotation`, … */
  readonly kind: string;
  readonly name: string;
  readonly text: string;
  /** What else is to be known, by name. */
  readonly details: Readonly<Record<string, string>>;
}

interface Topic {
  readonly names: () => Iterable<string>;
  readonly explain: (word: string) => Meaning | undefined;
}

export const explain: Command = {
  name: "explain",
  usage: "hcsctl explain WORD [--json]",
  summary: "say what a result code, error code, annotation, option or phase means",
  help: `WORD is a result code as a number (0x80370105, -2143878907, 2151088389) or symbol, an error code of this shim, the key of an
annotation, the name of an option, or that of a phase.`,
  flags: [JSON_FLAG],
  arity: [1, 1],
  run: ({ arguments: [word = ""], flags, print }) => {
    const meanings = TOPICS.flatMap((topic) => topic.explain(word) ?? []);
    if (meanings.length === 0) return Promise.reject(new Error(unknown(word)));
    print(
      flags["json"] === true ? `${JSON.stringify(meanings, null, 2)}\n` : meanings.map(format).join("\n"),
    );
    return Promise.resolve();
  },
};

const ANNOTATIONS: ReadonlyMap<string, AnnotationRow> = new Map(
  ANNOTATION_TOPICS.flatMap(({ rows }) => rows).map((row) => [row.key, row]),
);

const TOPICS: readonly Topic[] = [
  {
    names: () => [...HRESULTS.values()].map(({ symbol }) => symbol),
    explain: (word) => {
      const code = resultCode(word);
      if (code === undefined) return undefined;
      const { sentence, hint } = describeHresult(code) ?? { sentence: "no code that this version knows" };
      return {
        kind: "result code",
        name: formatHresult(code),
        text: sentence,
        details: hint === undefined ? {} : { hint },
      };
    },
  },
  {
    names: () => Object.keys(ERRORS),
    explain: (word) => {
      if (!Object.hasOwn(ERRORS, word)) return undefined;
      const { meaning, status } = ERRORS[word as ErrorCode];
      return { kind: "error", name: word, text: meaning, details: { "containerd sees": status } };
    },
  },
  {
    names: () => ANNOTATIONS.keys(),
    explain: (word) => {
      const row = ANNOTATIONS.get(word) ?? prefixRow(word);
      if (row === undefined) return undefined;
      const { key, type, unit, scope, os, isolation, effect, check } = row;
      return {
        kind: "annotation",
        name: key,
        text: effect,
        details: {
          value: unit === undefined ? type.name : `${type.name}, ${unit}`,
          default: row.default,
          ...(check === undefined ? {} : { check }),
          "read from": scope === "both" ? "pod and container" : scope,
          ...(os === undefined ? {} : { containers: os }),
          ...(isolation === undefined ? {} : { isolation }),
        },
      };
    },
  },
  {
    names: () => OPTIONS.keys(),
    explain: (word) => {
      const row = OPTIONS.get(
        word.startsWith(ANNOTATION_PREFIX) ? word.slice(ANNOTATION_PREFIX.length) : word,
      );
      if (row === undefined) return undefined;
      return {
        kind: "option",
        name: row.name,
        text: row.description,
        details: {
          value: row.kind.name,
          default: row.name.startsWith("budgets.") ? `${row.default} ms` : JSON.stringify(row.default),
          "may be set in": row.sources.join(", "),
        },
      };
    },
  },
  {
    names: () => Object.keys(PHASES),
    explain: (word) => {
      if (!Object.hasOwn(PHASES, word)) return undefined;
      const { description, budgetMs } = PHASES[word as PhaseName];
      const details = { budget: `${budgetMs} ms`, "changed by": `budgets.${word}` };
      return { kind: "phase", name: word, text: description, details };
    },
  },
];

/** Unsigned 32 bits, of a number in any of the forms that tools print, or a symbol. */
function resultCode(word: string): number | undefined {
  const symbol = [...HRESULTS].find(([, entry]) => entry.symbol === word.toUpperCase());
  if (symbol !== undefined) return symbol[0];
  if (!/^(?:0x[0-9a-f]{1,8}|-?\d{1,10})$/i.test(word)) return undefined;
  return Number(word) >>> 0;
}

/** The row of a key that goes on after the part that the catalogue has. */
function prefixRow(word: string): AnnotationRow | undefined {
  return [...ANNOTATIONS.values()].find(({ key, prefix }) => prefix === true && word.startsWith(key));
}

function unknown(word: string): string {
  const near = nearestName(
    word,
    TOPICS.flatMap((topic) => [...topic.names()]),
  );
  return `cannot explain "${word}": it is no code, annotation, option or phase of this version${near === undefined ? "" : `, did you mean "${near}"?`}`;
}

function format({ kind, name, text, details }: Meaning): string {
  const width = Math.max(0, ...Object.keys(details).map((detail) => detail.length));
  const lines = Object.entries(details).map(([detail, value]) => `  ${detail.padEnd(width)}  ${value}\n`);
  return `${kind} ${name}\n  ${text}\n${lines.join("")}`;
}
