/** What a measurement is. */
import type { Subject, SubjectName } from "./subjects.ts";

/** What a measurement works with. */
export interface Bench {
  /** A number nobody else got, for names. */
  readonly serial: number;
  readonly quick: boolean;
}

/** How often something is done, in a full run and in a quick one. */
export interface Effort {
  readonly full: number;
  readonly quick: number;
}

export function effort({ quick }: Bench, { full, quick: less }: Effort): number {
  return quick ? less : full;
}

/** One row of the table. */
export interface Measure {
  readonly name: string;
  readonly unit: "ms" | "µs" | "MiB" | "calls/s" | "MiB/s" | "files/s" | "KiB";
  readonly better: "lower" | "higher";
  /** How often a value is taken, alternating between the subjects. */
  readonly rounds: Effort;
  /** Subjects beside the Go shim, each with the ratio to it that is wanted; or, without a peer, with the value. */
  readonly bounds: Partial<Readonly<Record<Exclude<SubjectName, "go">, number>>>;
  /** There is no peer: the value itself is compared with the bound. */
  readonly isAbsolute?: true;
  readonly take: (subject: Subject, bench: Bench) => Promise<number>;
}
