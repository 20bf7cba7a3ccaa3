/** What a validation tells, and how it looks. */
import { styleText } from "node:util";
import type { Severity } from "../../../oci/annotations/validate.ts";

export interface Finding {
  readonly severity: Severity;
  /** Annotation key, option name or JSON pointer. */
  readonly at: string;
  readonly message: string;
}

/** What was looked at, and what was found. */
export interface Report {
  readonly subject: string;
  /** What it turned out to be. */
  readonly what: string;
  readonly findings: readonly Finding[];
}

const STYLE = { error: ["bold", "red"], warning: ["yellow"], note: ["dim"] } as const;

/** @param isTerminal with colours */
export function formatReports(reports: readonly Report[], isTerminal: boolean): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    isTerminal ? styleText(style, text) : text;
  const blocks = reports.map(({ subject, what, findings }) => {
    const title = `${paint("bold", subject)} ${paint("dim", `(${what})`)}`;
    if (findings.length === 0) return `${title}\n  ${paint("green", "fine")}\n`;
    const lines = findings.map(
      ({ severity, at, message }) =>
        `  ${paint([...STYLE[severity]], severity.padEnd(7))}  ${at}\n           ${message}`,
    );
    return `${title}\n${lines.join("\n")}\n`;
  });
  return `${blocks.join("\n")}\n${total(reports)}\n`;
}

function total(reports: readonly Report[]): string {
  const all = reports.flatMap(({ findings }) => findings);
  const counts = (["error", "warning", "note"] as const).map((severity) => {
    const count = all.filter((finding) => finding.severity === severity).length;
    return `${count} ${severity}${count === 1 ? "" : "s"}`;
  });
  return counts.join(", ");
}

export function hasErrors(reports: readonly Report[]): boolean {
  return reports.some(({ findings }) => findings.some(({ severity }) => severity === "error"));
}
