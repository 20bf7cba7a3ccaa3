/**
 * Process trees on Linux: a session for each job. A process that leaves its session loses its parents sooner or later and
 * becomes a child of process 1, which is this agent. Such an orphan does not tell whose it was, but it was started by a
 * job that was running then: it is ended as soon as all of those have ended.
 */
import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { Reaper } from "../../../hcs/emulator/guest/reaper.ts";
import type { ProcessTree, ProcessTrees } from "./process-trees.ts";

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
  readonly detached = true;
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

  adopt(child: ChildProcess): ProcessTree {
    const { pid } = child;
    if (pid === undefined) return { kill: () => undefined, end: () => undefined };
    this.#reaper?.adopt(child);
    // One that is gone already has left nothing that could have been started later than now.
    const startedAt = this.#list().find((process) => process.pid === pid)?.startedAt ?? Infinity;
    const job: Job = { session: pid, startedAt };
    this.#jobs.add(job);
    return {
      kill: () => {
        signalGroup(pid, "SIGKILL");
        this.#killSession(pid);
      },
      end: () => {
        this.#jobs.delete(job);
        signalGroup(pid, "SIGKILL");
        this.#killSession(pid);
        this.#killOrphans();
      },
    };
  }

  signalAll(signal: NodeJS.Signals): void {
    for (const { session } of this.#jobs) signalGroup(session, signal);
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
