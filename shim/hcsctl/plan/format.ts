/** Plans as people read them. */
import { styleText } from "node:util";
import { formatDocument } from "../../plan/format.ts";
import type { TaskOutcome } from "../../plan/rehearse.ts";

export interface PlannedDocument {
  readonly name: string;
  readonly document: unknown;
  /** JSON pointer of a field → the inputs it comes from; fields without an entry are as they always are. */
  readonly why?: Readonly<Record<string, readonly string[]>>;
}

export interface Plan {
  readonly title: string;
  readonly tasks: readonly TaskOutcome[];
  readonly documents: readonly PlannedDocument[];
  readonly calls?: readonly Readonly<Record<string, unknown>>[];
}

const ISOLATION = {
  "linux-vm": "in a utility VM with a Linux guest",
  "windows-vm": "in a utility VM with a Windows guest",
  "windows-host": "on the host, isolated as a process",
  "host-process": "on the host, in a job",
} as const;

const HOST_PROCESS = {
  none: "",
  host: ", HostProcess container",
  guest: ", privileged HostProcess container of the VM",
} as const;

type Paint = (style: Parameters<typeof styleText>[0], text: string) => string;

export function formatPlan({ title, tasks, documents, calls }: Plan, isTerminal: boolean): string {
  const paint: Paint = (style, text) => (isTerminal ? styleText(style, text) : text);
  return [
    `${paint("bold", title)}\n`,
    ...tasks.map((task) => taskBlock(task, paint)),
    ...documents.map(({ name, document, why }) => {
      const noteOf = (at: string): string => (why === undefined ? "" : (why[at] ?? ["default"]).join(", "));
      const origin = why?.[""] === undefined ? "" : paint("dim", `  ← ${why[""].join(", ")}`);
      return `\n${paint(["bold", "cyan"], `${name}.json`)}${origin}\n${formatDocument(document, noteOf)}\n`;
    }),
    ...(calls === undefined ? [] : [`\n${paint(["bold", "cyan"], "calls")}\n`, ...calls.map(callLine)]),
  ].join("");
}

function taskBlock({ id, title, decisions, refusal, warnings }: TaskOutcome, paint: Paint): string {
  const what =
    decisions === undefined
      ? ""
      : `: ${decisions.role}, ${ISOLATION[decisions.isolation]}${HOST_PROCESS[decisions.hostProcess]}`;
  const lines = [
    `  ${paint("bold", id)} (${title})${what}`,
    ...(refusal === undefined ? [] : [`    ${paint(["bold", "red"], "refused")}  ${refusal}`]),
    ...warnings.map((warning) => `    ${paint("yellow", "warning")}  ${warning}`),
  ];
  return `${lines.join("\n")}\n`;
}

function callLine({ call, ...rest }: Readonly<Record<string, unknown>>): string {
  if (call === "Step") return `${String(rest["op"])} ${String(rest["id"])}\n`;
  return `  ${String(call)} ${JSON.stringify(rest)}\n`;
}
