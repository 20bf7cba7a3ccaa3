/** Running programs, each as the root of a tree of processes that can be ended: all of it, also what has left its parents. */
import type { Readable } from "node:stream";
import { AgentError } from "../protocol/errors.ts";

export interface ProgramRequest {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** A directory that exists. */
  readonly cwd: string;
}

/** Linux: a number of a signal where one has ended the process, else 0. */
export interface ProcessEnd {
  readonly exitCode: number;
  readonly signal: number;
}

/** One program that runs, and everything it starts. */
export interface ProcessTree extends AsyncDisposable {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles when the program itself has ended. */
  readonly exited: Promise<ProcessEnd>;
  /** Ends every process of it at once. */
  kill(): void;
  /** The program has ended: what else is left of it ends. */
  end(): Promise<void>;
}

export interface ProcessTrees {
  /** @throws {AgentError} failed precondition: the program could not be run */
  start(request: ProgramRequest): Promise<ProcessTree>;
  /** Hands on to every program what the agent was told. */
  signalAll(signal: NodeJS.Signals): void;
}

/** What was asked for does not run, which never looks like a program that has. */
export function notRun(program: string, why: string, cause?: unknown): AgentError {
  return new AgentError("failed precondition", `cannot run "${program}": ${why}`, { cause });
}
