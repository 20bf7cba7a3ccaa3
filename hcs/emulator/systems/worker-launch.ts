/** Starting the worker process of a compute system, in namespaces of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { Duplex } from "node:stream";
import { systemPaths } from "./system-file.ts";
import { WorkerLink } from "./worker-link.ts";

/**
 * `unshare` stays as the worker's parent: a process can enter a pid namespace only by its children. It is killed with
 * the worker and reports the worker's end as its own.
 */
const COMMON: readonly string[] = [
  "--fork",
  "--mount",
  "--kill-child=SIGKILL",
  // The worker makes its mounts slaves itself, after it has taken what it needs.
  "--propagation",
  "unchanged",
];

/** A container in process isolation has the host's kernel objects: its processes are processes of the host. */
const UNSHARE: Readonly<Record<"vm" | "container", readonly string[]>> = {
  vm: ["--pid", "--uts", "--ipc", "--net", "--mount-proc", ...COMMON],
  container: COMMON,
};

export interface LaunchedWorker {
  /** Pid of `unshare`. */
  readonly pid: number;
  readonly process: ChildProcess;
  /** The first handle, which the worker has as file descriptor 3. */
  readonly link: WorkerLink;
  /** Resolves with how the worker ended, as it reads after "the worker": `exited with status 1: no space left`. */
  readonly ended: Promise<string>;
}

/** How workers are run. */
export interface WorkerProgram {
  /** Program and arguments; what the worker is to do is added. */
  readonly command: readonly string[];
  /** The whole environment of the worker. */
  readonly environment: Readonly<Record<string, string>>;
}

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The environment of workers that are given no other. */
export function workerEnvironment(): Readonly<Record<string, string>> {
  return { PATH: process.env["PATH"] ?? DEFAULT_PATH };
}

/** Starts the worker of the system in `directory`. Resolves when the process exists. */
export function launchWorker(
  program: WorkerProgram,
  directory: string,
  kind: keyof typeof UNSHARE,
): Promise<LaunchedWorker> {
  const log = openSync(systemPaths(directory).workerLog, "a+", 0o600);
  return spawnWorker(program, [directory], kind, log, ["pipe"]);
}

/**
 * Starts a worker. Resolves when the process exists.
 *
 * @param log where it writes; is read and closed when it has ended: another process may remove its name before
 * @param sockets descriptors from 3 on
 */
export function spawnWorker(
  { command, environment }: WorkerProgram,
  args: readonly string[],
  kind: keyof typeof UNSHARE,
  log: number,
  sockets: readonly "pipe"[],
): Promise<LaunchedWorker> {
  let child: ChildProcess;
  try {
    child = spawn("unshare", [...UNSHARE[kind], "--", ...command, ...args], {
      stdio: ["ignore", log, log, ...sockets],
      // Not in this directory, which may be somebody's mount; not in this session, whose terminal sends signals.
      cwd: "/",
      detached: true,
      // A copy: where coverage is measured Node writes into it.
      env: { ...environment },
    });
  } catch (error) {
    closeSync(log);
    throw error;
  }
  const ended = new Promise<string>((resolve) => {
    child.once("close", (status, signal) => {
      const lines = readTail(log);
      closeSync(log);
      resolve(describeEnd(status, signal, lines));
    });
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("spawn", () => {
      child.off("error", reject);
      // Later errors could only be those of kill(): that the child has ended is heard anyway.
      child.on("error", () => undefined);
      const link = new WorkerLink(child.stdio[3] as Duplex);
      resolve({ pid: child.pid as number, process: child, link, ended });
    });
  });
}

/**
 * `unshare` ends as its child did, by the same signal. With SIGKILL it stumbles: it cannot set the default action of
 * that signal, says so and exits with status 1.
 */
const STUMBLED = "unshare: sigprocmask unblock failed";

function describeEnd(status: number | null, signal: string | null, lines: readonly string[]): string {
  const killed = lines.at(-1)?.startsWith(STUMBLED) === true;
  const how = signal ?? (killed ? "SIGKILL" : undefined);
  const words = lastOf(lines);
  return (
    (how === undefined ? `exited with status ${status ?? "unknown"}` : `was ended by ${how}`) +
    (words === undefined ? "" : `: ${words}`)
  );
}

/** The last line that the worker has written, for error texts; undefined when there is none (any more). */
export function lastWords(directory: string): string | undefined {
  let log: number;
  try {
    log = openSync(systemPaths(directory).workerLog, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return lastOf(readTail(log));
  } finally {
    closeSync(log);
  }
}

const LONGEST_WORDS = 400;
const TAIL = 4096;

function lastOf(lines: readonly string[]): string | undefined {
  return lines.findLast((line) => !line.startsWith(STUMBLED))?.slice(-LONGEST_WORDS);
}

/** The last lines of an open file that are not empty. */
function readTail(file: number): string[] {
  const buffer = Buffer.alloc(TAIL);
  const length = readSync(file, buffer, 0, TAIL, Math.max(0, fstatSync(file).size - TAIL));
  const lines = buffer.toString("utf8", 0, length).split("\n");
  return lines.map((line) => line.trim()).filter((line) => line !== "");
}
