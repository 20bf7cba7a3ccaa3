/**
 * Listens to what the lower layers announce on diagnostics channels and logs it. They do not know the logger; here each
 * announcement gets a level and becomes fields.
 */
import { subscribe } from "node:diagnostics_channel";
import { EMULATOR_CALLS } from "../../hcs/emulator/calls.ts";
import { EMULATOR_DIAGNOSTICS } from "../../hcs/emulator/diagnostics.ts";
import { GUEST_DIAGNOSTICS } from "../../hcs/guest/diagnostics.ts";
import { WIN32_DIAGNOSTICS } from "../../hcs/win32/diagnostics.ts";
import { TRACE_FAILURES } from "../../hcs/trace/file.ts";
import { EVENTS_CHANNEL } from "../events/diagnostics.ts";
import { STDIO_CHANNEL } from "../io/diagnostics.ts";
import { PHASE_CHANNEL } from "../phases/phases.ts";
import { CALLS_CHANNEL, DIAGNOSTICS_CHANNEL as TTRPC_CHANNEL } from "../ttrpc/index.ts";
import { messageOf } from "../errors.ts";
import type { LogFields, Logger, LogLevel } from "./logger.ts";

type Announcement = Readonly<Record<string, unknown>>;

interface Source {
  readonly channel: string;
  readonly message: string;
  /** Member that says what kind of announcement it is; levels are by kind. */
  readonly kind: string;
  readonly levels: Readonly<Record<string, LogLevel>>;
  /** Of kinds that are not in the table. */
  readonly level: LogLevel;
}

const SOURCES: readonly Source[] = [
  { channel: PHASE_CHANNEL, message: "phase ended", kind: "phase", levels: {}, level: "debug" },
  {
    channel: STDIO_CHANNEL,
    message: "stdio",
    kind: "event",
    levels: { "reader-stalled": "debug" },
    level: "warn",
  },
  {
    channel: EVENTS_CHANNEL,
    message: "events",
    kind: "event",
    levels: { "caught-up": "info" },
    level: "warn",
  },
  {
    channel: GUEST_DIAGNOSTICS,
    message: "guest connection",
    kind: "event",
    levels: { call: "trace" },
    level: "warn",
  },
  { channel: WIN32_DIAGNOSTICS, message: "Windows backend", kind: "event", levels: {}, level: "warn" },
  {
    channel: TTRPC_CHANNEL,
    message: "ttrpc",
    kind: "kind",
    levels: {
      "accept-failed": "warn",
      "frame-refused": "warn",
      "reading-paused": "debug",
      "reading-resumed": "debug",
    },
    level: "trace",
  },
  { channel: CALLS_CHANNEL, message: "ttrpc", kind: "kind", levels: {}, level: "trace" },
  {
    channel: TRACE_FAILURES,
    message: "the recording ends here",
    kind: "path",
    levels: {},
    level: "warn",
  },
  { channel: EMULATOR_DIAGNOSTICS, message: "emulator", kind: "event", levels: {}, level: "warn" },
  { channel: EMULATOR_CALLS, message: "compute service", kind: "operation", levels: {}, level: "trace" },
];

/** Logs what is announced. Channels that would say nothing at this level are left alone: their senders then save the work. */
export function observeDiagnostics(logger: Logger): void {
  for (const { channel, message, kind, levels, level } of SOURCES) {
    if (![level, ...Object.values(levels)].some((possible) => logger.isEnabled(possible))) continue;
    subscribe(channel, (announcement) => {
      const fields = announcement as Announcement;
      const severity = levels[String(fields[kind])] ?? level;
      if (logger.isEnabled(severity)) logger.log(severity, message, plainFields(fields));
    });
  }
}

function plainFields(announcement: Announcement): LogFields {
  return Object.fromEntries(Object.entries(announcement).map(([key, value]) => [key, plain(value)]));
}

function plain(value: unknown): LogFields[string] {
  switch (typeof value) {
    case "number":
      return Math.round(value * 10) / 10;
    case "string":
    case "boolean":
    case "bigint":
    case "undefined":
      return value;
    default:
      return value instanceof Error ? messageOf(value) : JSON.stringify(value);
  }
}
