/**
 * Listens to what the lower layers announce on diagnostics channels and logs it. They do not know the logger, and
 * their own code decides what is worth announcing; here it gets a level and fields.
 */
import { subscribe } from "node:diagnostics_channel";
import { PHASE_CHANNEL } from "../phases/phases.ts";
import type { LogFields, Logger, LogLevel } from "./logger.ts";

interface Source {
  readonly channel: string;
  readonly message: string;
  readonly level: (record: Readonly<Record<string, unknown>>) => LogLevel;
}

const SOURCES: readonly Source[] = [
  {
    channel: PHASE_CHANNEL,
    message: "phase ended",
    level: ({ failure }) => (failure === undefined ? "debug" : "warn"),
  },
];

export function observeDiagnostics(logger: Logger): void {
  for (const { channel, message, level } of SOURCES) {
    subscribe(channel, (record) => {
      const fields = record as Readonly<Record<string, unknown>>;
      logger.log(level(fields), message, plain(fields));
    });
  }
}

function plain(record: Readonly<Record<string, unknown>>): LogFields {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, plainValue(value)]));
}

function plainValue(value: unknown): LogFields[string] {
  switch (typeof value) {
    case "number":
      return Math.round(value * 10) / 10;
    case "string":
    case "boolean":
    case "bigint":
    case "undefined":
      return value;
    default:
      return value instanceof Error ? value.message : JSON.stringify(value);
  }
}
