/**
 * Collects children that libuv does not know: what `runc create` and `runc exec -d` leave behind, and orphans.
 * The worker is process 1 of its namespace, so all of them end up here; whoever does not collect them keeps
 * zombies, and a pid namespace does not end before its last zombie is gone.
 *
 * Children that libuv started must be left to libuv, or it never reports their exit. waitid(2) shows one exited
 * child at a time; when that one is libuv's, the sweep stops and goes on after libuv has reported it.
 */
import type { ChildProcess } from "node:child_process";
import { peekExitedChild, reapChild, type ExitedChild } from "../../posix/libc.ts";

/** The two system calls, so that tests can stand in for them. */
export interface ChildStatuses {
  peek(): ExitedChild | undefined;
  reap(pid: number): ExitedChild | undefined;
}

/** A launch under way, by the end of which the pid of a new child will be known. */
export interface Launch {
  /** Exit status of `pid`: its own, or 128 + signal. Also when it has been collected already. */
  claim(pid: number): Promise<number>;
  /** Every launch must be ended: statuses nobody claimed are kept only while one is under way. */
  end(): void;
}

export class Reaper {
  readonly #children: ChildStatuses;
  readonly #libuv = new Set<number>();
  readonly #claims = new Map<number, (status: number) => void>();
  readonly #unclaimed = new Map<number, number>();
  #launches = 0;
  readonly #onSignal = (): void => this.sweep();

  constructor(children: ChildStatuses = { peek: peekExitedChild, reap: reapChild }) {
    this.#children = children;
  }

  start(): void {
    process.on("SIGCHLD", this.#onSignal);
    this.sweep();
  }

  stop(): void {
    process.off("SIGCHLD", this.#onSignal);
  }

  /** Tells that libuv started `child`. Must be called in the same turn of the loop as `spawn`. */
  adopt(child: ChildProcess): void {
    const pid = child.pid;
    if (pid === undefined) return;
    this.#libuv.add(pid);
    child.once("exit", () => {
      this.#libuv.delete(pid);
      this.sweep();
    });
  }

  beginLaunch(): Launch {
    this.#launches += 1;
    let open = true;
    return {
      claim: (pid) => {
        const status = this.#unclaimed.get(pid);
        if (status !== undefined) {
          this.#unclaimed.delete(pid);
          return Promise.resolve(status);
        }
        return new Promise((resolve) => this.#claims.set(pid, resolve));
      },
      end: () => {
        if (!open) return;
        open = false;
        this.#launches -= 1;
        if (this.#launches === 0) this.#unclaimed.clear();
      },
    };
  }

  /** Collects every exited child up to the first that is libuv's. */
  sweep(): void {
    for (;;) {
      const seen = this.#children.peek();
      if (seen === undefined || this.#libuv.has(seen.pid)) return;
      const child = this.#children.reap(seen.pid);
      if (child === undefined) return;
      const claim = this.#claims.get(child.pid);
      if (claim !== undefined) {
        this.#claims.delete(child.pid);
        claim(child.status);
      } else if (this.#launches > 0) {
        this.#unclaimed.set(child.pid, child.status);
      }
    }
  }
}
