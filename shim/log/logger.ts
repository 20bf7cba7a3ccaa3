/**
 * The logger everything above the libraries writes to. Messages are constant text in lower case, what varies is a
 * field. Records go to a sink, which can be changed; until there is one they wait.
 */

export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";

/** Least severe first. */
export const LOG_LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error"];

/** How severe each level is: asked for with every call, where to search the list would be felt. */
const SEVERITY: Readonly<Record<LogLevel, number>> = { trace: 0, debug: 1, info: 2, warn: 3, error: 4 };

export type LogFields = Readonly<Record<string, string | number | boolean | bigint | undefined>>;

export interface LogRecord {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export type LogSink = (record: LogRecord) => void;

/** Records that wait for a sink; older ones go when there are more. */
const MOST_WAITING = 1000;

export class Logger {
  readonly #threshold: number;
  readonly #now: () => number;
  #sink: LogSink | undefined;
  #waiting: LogRecord[] = [];

  constructor(level: LogLevel, now: () => number) {
    this.#threshold = SEVERITY[level];
    this.#now = now;
  }

  /** From now on records go to `sink`, those that waited first. */
  attach(sink: LogSink): void {
    for (const record of this.#waiting) sink(record);
    this.#waiting = [];
    this.#sink = sink;
  }

  isEnabled(level: LogLevel): boolean {
    return SEVERITY[level] >= this.#threshold;
  }

  log(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (!this.isEnabled(level)) return;
    const record = { at: this.#now(), level, message, fields };
    if (this.#sink !== undefined) {
      this.#sink(record);
      return;
    }
    this.#waiting.push(record);
    if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
  }

  error(message: string, fields?: LogFields): void {
    this.log("error", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.log("warn", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.log("info", message, fields);
  }

  debug(message: string, fields?: LogFields): void {
    this.log("debug", message, fields);
  }
}
