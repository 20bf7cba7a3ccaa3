/** The last phases and events of a process, in memory: what `diag` and the timeline page show. */
import type { PhaseName } from "./table.ts";

export interface TimelineEntry {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly task: string;
  readonly exec?: string;
  readonly verb: string;
  readonly phase: PhaseName;
  /** The message of the error the phase ended with. */
  readonly failure?: string;
}

const LONGEST = 1000;

export class Timeline {
  readonly #entries: TimelineEntry[] = [];

  add(entry: TimelineEntry): void {
    this.#entries.push(entry);
    if (this.#entries.length > LONGEST) this.#entries.shift();
  }

  /** Oldest first. */
  entries(): readonly TimelineEntry[] {
    return [...this.#entries];
  }
}
