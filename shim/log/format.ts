/** How a record is written: logfmt exactly as containerd prints it, so that one log reads as one, or JSON. */
import type { LogLevel, LogRecord } from "./logger.ts";

export type LogFormat = "logfmt" | "json";

/** containerd's words. */
const LEVEL_WORD: Readonly<Record<LogLevel, string>> = {
  error: "error",
  warn: "warning",
  info: "info",
  debug: "debug",
  trace: "trace",
};

/** One line, with its newline. */
export function formatRecord(record: LogRecord, format: LogFormat): string {
  const time = new Date(record.at).toISOString();
  const level = LEVEL_WORD[record.level];
  const fields = Object.entries(record.fields).filter(([, value]) => value !== undefined);
  if (format === "json") {
    const entries = fields.map(([key, value]) => [key, typeof value === "bigint" ? value.toString() : value]);
    return `${JSON.stringify({ time, level, msg: record.message, ...Object.fromEntries(entries) })}\n`;
  }
  const parts = [`time="${time}"`, `level=${level}`, `msg=${JSON.stringify(record.message)}`];
  for (const [key, value] of fields) parts.push(`${key}=${quoted(String(value))}`);
  return `${parts.join(" ")}\n`;
}

/** Bare where logrus leaves it bare. */
function quoted(text: string): string {
  return /^[A-Za-z0-9\-._/@^+]+$/.test(text) ? text : JSON.stringify(text);
}
