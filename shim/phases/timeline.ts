/** The last phases and events of a process, in memory: what `diag` and the timeline page show. */
import type { PhaseName } from "./table.ts";

export interface RunningPhase {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly task: string;
  readonly exec?: string;
  readonly verb: string;
  readonly phase: PhaseName;
}

export interface TimelineEntry extends RunningPhase {
  readonly durationMs: number;
  /** The message of the error the phase ended with. */
  readonly failure?: string;
}

const LONGEST = 1000;

export class Timeline {
  readonly #entries: TimelineEntry[] = [];
  readonly #running = new Set<RunningPhase>();

  /** A phase that has begun. */
  begin(phase: RunningPhase): void {
    this.#running.add(phase);
  }

  /** @param begun what it was announced as */
  end(begun: RunningPhase, entry: TimelineEntry): void {
    this.#running.delete(begun);
    this.#entries.push(entry);
    if (this.#entries.length > LONGEST) this.#entries.shift();
  }

  /** Phases that have not ended, oldest first. */
  running(): readonly RunningPhase[] {
    return [...this.#running];
  }

  /** Oldest first. */
  entries(): readonly TimelineEntry[] {
    return [...this.#entries];
  }
}
