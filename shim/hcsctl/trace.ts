/** `trace`: a recording (option `trace.directory`) as a table. */
import { readFile } from "node:fs/promises";
import { describeHresult, formatHresult } from "../../hcs/hresult.ts";
import {
  parseRecording,
  type AbortLine,
  type AnswerLine,
  type CallLine,
  type DataLine,
  type ErrorRecord,
  type TraceLine,
} from "../../hcs/trace/format.ts";
import { decodeBytes } from "../../hcs/trace/values.ts";
import { stringifyJson } from "../../hcs/json.ts";
import { JSON_FLAG, type Command } from "./command.ts";
import { formatTable, type Column } from "./table.ts";

export const trace: Command = {
  name: "trace",
  usage: "hcsctl trace FILE [--streams] [--wide] [--json]",
  summary: "show what a shim asked of the platform, from a recording",
  help: `Shims record when option trace.directory names a directory. A call has the time it took and how it ended; what the
platform said by itself stands between the calls.`,
  flags: [
    { name: "streams", type: "boolean", description: "show what went through byte streams, too" },
    { name: "wide", type: "boolean", description: "show arguments in full" },
    JSON_FLAG,
  ],
  arity: [1, 1],
  run: async ({ arguments: [path = ""], flags, print }) => {
    const lines = parseRecording(await readFile(path, "utf8"));
    if (flags["json"] === true) return print(`${stringifyJson(lines)}\n`);
    const rows = tableRows(lines, flags["streams"] === true, flags["wide"] === true ? Infinity : NARROW);
    print(formatTable(COLUMNS, rows));
  },
};

const COLUMNS: readonly Column[] = [
  { title: "AT MS", align: "right" },
  { title: "WHAT" },
  { title: "ARGUMENTS" },
  { title: "MS", align: "right" },
  { title: "OUTCOME" },
];

/** Characters of arguments that a line of a terminal has room for. */
const NARROW = 60;

function tableRows(lines: readonly TraceLine[], withStreams: boolean, width: number): string[][] {
  const ends = new Map(
    lines.flatMap((line) => (line.kind === "answer" || line.kind === "abort" ? [[line.call, line]] : [])),
  );
  return lines.flatMap((line) => {
    const at = line.ms.toFixed(1);
    switch (line.kind) {
      case "call":
        return [[at, ...callRow(line, ends.get(line.call), width)]];
      case "settled":
        return [
          [
            at,
            `${line.on}.${line.name}`,
            "",
            "",
            line.error ? failure(line.error) : text(line.value, Infinity),
          ],
        ];
      case "told":
        return [[at, `${line.on}.${line.name}`, "", "", ""]];
      case "data":
        return withStreams
          ? [[at, `${line.stream} ${ARROW[line.from]}`, text(content(line), width), "", ""]]
          : [];
      case "end":
        return withStreams ? [[at, `${line.stream} ${ARROW[line.from]}`, "", "", "end"]] : [];
      case "destroy":
        return withStreams
          ? [
              [
                at,
                `${line.stream} ${ARROW[line.from]}`,
                "",
                "",
                line.error ? failure(line.error) : "destroyed",
              ],
            ]
          : [];
      case "backend":
      case "answer":
      case "abort":
        return [];
    }
  });
}

/** Which way the bytes went. */
const ARROW = { host: "→", platform: "←" } as const;

function callRow(call: CallLine, end: AnswerLine | AbortLine | undefined, width: number): string[] {
  const what = `${call.on}.${call.method}`;
  const args = shorten(call.args.map((argument) => text(argument, Infinity)).join(" "), width);
  if (end === undefined) return [what, args, "", "never answered"];
  const took = (end.ms - call.ms).toFixed(1);
  if (end.kind === "abort") return [what, args, took, "given up by the shim"];
  if (end.error !== undefined) return [what, args, took, failure(end.error)];
  return [what, args, took, end.handle?.handle ?? end.stream ?? text(end.value, width)];
}

function content(line: DataLine): string {
  const bytes = decodeBytes(line);
  return typeof bytes === "number" ? `${bytes} bytes` : bytes.toString("utf8");
}

function text(value: unknown, width: number): string {
  if (value === undefined) return "ok";
  return shorten(typeof value === "string" ? JSON.stringify(value) : stringifyJson(value), width);
}

function shorten(value: string, width: number): string {
  return value.length <= width ? value : `${value.slice(0, width - 1)}…`;
}

function failure(error: ErrorRecord): string {
  if (!("hresult" in error)) return error.message;
  const known = describeHresult(error.hresult);
  return [formatHresult(error.hresult), error.detail ?? known?.sentence].filter(Boolean).join(": ");
}
