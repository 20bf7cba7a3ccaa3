/**
 * Process trees on Linux: a session for each job. A process that leaves its session loses its parents sooner or later and
 * becomes a child of process 1, which is this agent. Such an orphan does not tell whose it was, but it was started by a
 * job that was running then: it is ended as soon as all of those have ended.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { Reaper } from "../../../../hcs/emulator/guest/reaper.ts";
import {
  notRun,
  type ProcessEnd,
  type ProcessTree,
  type ProcessTrees,
  type ProgramRequest,
} from "../process-trees.ts";

type Program = ChildProcess & { readonly stdout: Readable; readonly stderr: Readable };

interface Job {
  readonly session: number;
  /** In ticks since boot, as `/proc` has it. */
  readonly startedAt: number;
}

export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  readonly startedAt: number;
  readonly isZombie: boolean;
}

export class LinuxProcessTrees implements ProcessTrees {
  readonly #jobs = new Set<Job>();
  readonly #reaper: Pick<Reaper, "adopt"> | undefined;
  readonly #list: () => ProcessFacts[];

  /** @param isInit this process is process 1: orphans become its children, and it has to collect them */
  constructor(isInit: boolean, list: () => ProcessFacts[] = listProcesses) {
    this.#list = list;
    if (!isInit) return;
    const reaper = new Reaper();
    reaper.start();
    this.#reaper = reaper;
  }

  async start({ argv, env, cwd }: ProgramRequest): Promise<ProcessTree> {
    const [program = "", ...args] = argv;
    let child: Program;
    try {
      child = spawn(program, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    } catch (error) {
      throw notRun(program, codeOf(error), error);
    }
    // In the same turn of the loop as `spawn`.
    const job = this.#adopt(child);
    const exited = new Promise<ProcessEnd>((resolve) =>
      child.once("exit", (code, signal) =>
        resolve(signal === null ? { exitCode: code ?? -1, signal: 0 } : endedBy(signal)),
      ),
    );
    try {
      await once(child, "spawn");
    } catch (error) {
      this.#end(job);
      throw notRun(program, codeOf(error), error);
    }
    return {
      stdout: child.stdout,
      stderr: child.stderr,
      exited,
      kill: () => this.#kill(job),
      end: async () => this.#end(job),
      [Symbol.asyncDispose]: async () => this.#end(job),
    };
  }

  signalAll(signal: NodeJS.Signals): void {
    for (const { session } of this.#jobs) signalGroup(session, signal);
  }

  #adopt(child: ChildProcess): Job | undefined {
    const { pid } = child;
    if (pid === undefined) return undefined;
    this.#reaper?.adopt(child);
    // One that is gone already has left nothing that could have been started later than now.
    const startedAt = this.#list().find((process) => process.pid === pid)?.startedAt ?? Infinity;
    const job: Job = { session: pid, startedAt };
    this.#jobs.add(job);
    return job;
  }

  #kill(job: Job | undefined): void {
    if (job === undefined || !this.#jobs.has(job)) return;
    signalGroup(job.session, "SIGKILL");
    this.#killSession(job.session);
  }

  /** Once: its number may be another's afterwards. */
  #end(job: Job | undefined): void {
    this.#kill(job);
    if (job !== undefined && this.#jobs.delete(job)) this.#killOrphans();
  }

  /** Again until nobody new shows up: one may fork while it is looked for. */
  #killSession(session: number): void {
    this.#killWhile((process) => process.session === session);
  }

  #killOrphans(): void {
    if (this.#reaper === undefined) return;
    const sessions = new Set([...this.#jobs].map((job) => job.session));
    this.#killWhile(
      ({ pid, parent, session, startedAt }) =>
        parent === 1 &&
        pid !== 1 &&
        !sessions.has(session) &&
        ![...this.#jobs].some((job) => job.startedAt <= startedAt),
    );
  }

  #killWhile(chosen: (process: ProcessFacts) => boolean): void {
    for (const seen = new Set<string>(); ;) {
      const found = this.#list().filter(
        (process) => !process.isZombie && chosen(process) && !seen.has(`${process.pid}/${process.startedAt}`),
      );
      if (found.length === 0) return;
      for (const { pid, startedAt } of found) {
        seen.add(`${pid}/${startedAt}`);
        kill(pid, "SIGKILL");
      }
    }
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}

function endedBy(signal: NodeJS.Signals): ProcessEnd {
  return { exitCode: -1, signal: constants.signals[signal] };
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  kill(-leader, signal);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function listProcesses(): ProcessFacts[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readFacts(Number(name)) ?? []);
}

/** proc(5): the name in parentheses may contain anything. Undefined for a process that is gone. */
function readFacts(pid: number): ProcessFacts | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const number = (index: number): number => Number(fields[index]);
  return { pid, parent: number(1), session: number(3), startedAt: number(19), isZombie: fields[0] === "Z" };
}
