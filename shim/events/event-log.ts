/** The last events of a process, in memory, for people who ask what happened. */
export interface LoggedEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Name of its message: `TaskExit`. */
  readonly event: string;
  readonly task: string;
  readonly exec?: string;
  readonly pid?: number;
  readonly status?: number;
}

const LONGEST = 200;

export class EventLog {
  readonly #now: () => number;
  readonly #entries: LoggedEvent[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param message of containerd.events, of any type */
  add(typeName: string, message: object): void {
    const { containerId, id, execId, pid, exitStatus } = message as Readonly<Record<string, unknown>>;
    // TaskExit and TaskDelete name the process by its id, which is the task's own for the first one.
    const exec = [execId, id].find((value): value is string => typeof value === "string" && value !== "");
    this.#entries.push({
      at: this.#now(),
      event: typeName.slice(typeName.lastIndexOf(".") + 1),
      task: String(containerId),
      ...(exec === undefined || exec === containerId ? {} : { exec }),
      ...(typeof pid === "number" ? { pid } : {}),
      ...(typeof exitStatus === "number" ? { status: exitStatus } : {}),
    });
    if (this.#entries.length > LONGEST) this.#entries.shift();
  }

  /** Oldest first. */
  entries(): readonly LoggedEvent[] {
    return [...this.#entries];
  }
}
