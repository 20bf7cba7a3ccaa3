/**
 * The agent's log: one JSON object per line with `time`, `level` and `msg`, as the host expects it on the log
 * port. Until that port is connected, and after it breaks, lines go to the worker's own log file.
 */
import type { Writable } from "node:stream";

const LEVELS = ["trace", "debug", "info", "warning", "error"] as const;

export type LogLevel = (typeof LEVELS)[number];
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** A host that does not read its log must not make the guest's memory grow. */
const MAX_QUEUED_BYTES = 1024 * 1024;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export class GuestLog implements Log {
  readonly #threshold: number;
  readonly #fallback: Writable;
  #stream: Writable | undefined;
  #dropped = 0;

  constructor(level: LogLevel, fallback: Writable) {
    this.#threshold = LEVELS.indexOf(level);
    this.#fallback = fallback;
  }

  /** Sends further lines to `stream` until it closes. */
  attach(stream: Writable): void {
    this.#stream = stream;
    stream.on("error", (error: Error) => {
      this.#detach(stream);
      this.warning("log connection broke", { error: error.message });
    });
    stream.on("close", () => this.#detach(stream));
  }

  #detach(stream: Writable): void {
    if (this.#stream === stream) this.#stream = undefined;
  }

  debug(message: string, fields?: LogFields): void {
    this.#write("debug", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write("info", message, fields);
  }

  warning(message: string, fields?: LogFields): void {
    this.#write("warning", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write("error", message, fields);
  }

  #write(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (LEVELS.indexOf(level) < this.#threshold) return;
    const stream = this.#stream ?? this.#fallback;
    if (stream.writableLength > MAX_QUEUED_BYTES) {
      this.#dropped += 1;
      return;
    }
    const dropped = this.#dropped === 0 ? {} : { droppedLines: this.#dropped };
    this.#dropped = 0;
    const entry = { time: new Date().toISOString(), level, msg: message, ...fields, ...dropped };
    stream.write(`${JSON.stringify(entry)}\n`);
  }
}

/** The level that the kernel command line asks for (`-loglevel debug`), info where it says nothing. */
export function logLevelOf(kernelCommandLine: string | undefined): LogLevel {
  const name = /(?:^|\s)-loglevel[ =](\S+)/.exec(kernelCommandLine ?? "")?.[1];
  return LEVELS.find((level) => level === name) ?? (name === "warn" ? "warning" : "info");
}
