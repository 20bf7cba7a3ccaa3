/** Ending what a job has started: all of it, also what has left its parents. */
import type { ChildProcess } from "node:child_process";

/** The processes of one job. */
export interface ProcessTree {
  /** Ends every process of it at once. */
  kill(): void;
  /** The job is over, its first process is gone: what else is left of it ends. */
  end(): void;
}

export interface ProcessTrees {
  /** Whether jobs are to lead a process group of their own (`detached` of `spawn`). */
  readonly detached: boolean;
  /** Must be called in the same turn of the loop as `spawn`. */
  adopt(child: ChildProcess): ProcessTree;
  /** Sends a signal to every job. */
  signalAll(signal: NodeJS.Signals): void;
}
