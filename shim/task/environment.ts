/** What a task is made of, and what it needs from outside. */
import type { StdioRequest, UpstreamStdio } from "../io/upstream.ts";
import type { Phases } from "../phases/phases.ts";
import type { Holdings } from "../resources/holdings.ts";
import type { Journal } from "../resources/journal.ts";
import type { TaskContainer } from "./container.ts";
import type { Exec, ExecContext, ExitRecord, OutputRelay } from "./exec.ts";
import type { Task } from "./task.ts";

/** What a task reports to the world, in the order it happens. */
export interface TaskEvents {
  started(task: Task, pid: number): void;
  execAdded(task: Task, exec: Exec): void;
  execStarted(task: Task, exec: Exec): void;
  exited(task: Task, exec: Exec, record: ExitRecord): void;
  deleted(task: Task, exec: Exec, record: ExitRecord): void;
  oom(task: Task): void;
  paused(task: Task): void;
  resumed(task: Task): void;
}

/** What a task needs from outside. */
export interface TaskEnvironment {
  readonly events: TaskEvents;
  now(): number;
  phases(verb: string, task: string, exec?: string, signal?: AbortSignal): Phases;
  openStdio(request: StdioRequest, phases: Phases): Promise<UpstreamStdio>;
  relay(
    exec: Exec,
    process: Parameters<ExecContext["relay"]>[0],
    isAlive: () => Promise<boolean>,
  ): OutputRelay;
  /** Before the exit of any process is recorded: what it died of may have to be told first. Never rejects. */
  beforeExit(): Promise<void>;
  /** Before the exit of this task's init is recorded: other tasks of the pod may have to go first. */
  beforeInitExit(task: Task): Promise<void>;
  /** Status of a process whose end nobody saw. */
  lostStatus(task: Task, cause: unknown): number;
  report(task: Task, message: string, error: unknown): void;
}

export interface TaskInit {
  readonly id: string;
  readonly namespace: string;
  readonly bundle: string;
  readonly terminal: boolean;
  readonly upstream: UpstreamStdio;
  readonly container: TaskContainer;
  readonly journal: Journal;
  readonly holdings: Holdings;
  readonly environment: TaskEnvironment;
}
