/** Signals by name or number: those of Linux, and console events of Windows by the numbers the shim has for them. */
import { ClientError } from "./errors.ts";

const NAMES = [
  "HUP",
  "INT",
  "QUIT",
  "ILL",
  "TRAP",
  "ABRT",
  "BUS",
  "FPE",
  "KILL",
  "USR1",
  "SEGV",
  "USR2",
  "PIPE",
  "ALRM",
  "TERM",
  "STKFLT",
  "CHLD",
  "CONT",
  "STOP",
  "TSTP",
  "TTIN",
  "TTOU",
  "URG",
  "XCPU",
  "XFSZ",
  "VTALRM",
  "PROF",
  "WINCH",
  "IO",
  "PWR",
  "SYS",
];

/** Of the events (wincon.h), by their names without dashes. */
const CONSOLE_EVENTS: ReadonlyMap<string, number> = new Map([
  ["CTRLC", 0],
  ["CTRLBREAK", 1],
  ["CTRLCLOSE", 2],
  ["CTRLLOGOFF", 5],
  ["CTRLSHUTDOWN", 6],
]);

const LAST_REALTIME = 64;

/** @param signal `SIGTERM`, `term`, `15`; `CTRL-C`, `CtrlBreak` for Windows @throws {ClientError} InvalidArgument */
export function signalNumber(signal: string | number): number {
  const event = CONSOLE_EVENTS.get(String(signal).toUpperCase().replace("-", ""));
  if (event !== undefined) return event;
  const text = String(signal).toUpperCase().replace(/^SIG/, "");
  const number = /^\d+$/.test(text) ? Number(text) : NAMES.indexOf(text) + 1;
  if (number >= 1 && number <= LAST_REALTIME) return number;
  throw new ClientError(
    "InvalidArgument",
    `invalid signal "${signal}": must be such as SIGTERM, 15 or CTRL-C`,
    {
      signal,
    },
  );
}

/** The signal that an exit code of a Linux process tells of. */
export function signalOfExit(exitCode: number): string | undefined {
  const name = exitCode > 128 ? NAMES[exitCode - 129] : undefined;
  return name === undefined ? undefined : `SIG${name}`;
}
