/** The last lines of a guest's log, its kernel's among them, in memory: what `diag` and word of a crash tell. */
import type { GuestLogRecord } from "../../../hcs/guest/log-channel.ts";

/** One line, as people read it. */
export interface GuestLogLine {
  readonly level: GuestLogRecord["level"];
  readonly text: string;
  /** The guest's clock, where it told. */
  readonly time?: string;
}

const MOST_LINES = 200;
const LONGEST_LINE = 2000;

export class GuestLogTail {
  readonly #lines: GuestLogLine[] = [];

  add({ level, message, time, fields }: GuestLogRecord): void {
    const more = Object.entries(fields).map(([name, value]) => `${name}=${plain(value)}`);
    this.#append({ level, text: [message, ...more].join(" "), ...(time === undefined ? {} : { time }) });
  }

  /** A line of the VM's serial port. */
  addConsoleLine(text: string): void {
    this.#append({ level: "info", text: `console: ${text}` });
  }

  /** What the guest said as it ended: the dump of an agent that panicked, line by line. */
  addLastWords(text: string): void {
    for (const line of text.split("\n").filter((each) => each.trim() !== ""))
      this.#append({ level: "error", text: line.trimEnd() });
  }

  /** Oldest first. */
  lines(): readonly GuestLogLine[] {
    return [...this.#lines];
  }

  #append(line: GuestLogLine): void {
    this.#lines.push({ ...line, text: line.text.slice(0, LONGEST_LINE) });
    if (this.#lines.length > MOST_LINES) this.#lines.shift();
  }
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
