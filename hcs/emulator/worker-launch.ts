/** Starting the worker process of a compute system, in namespaces of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import type { Duplex } from "node:stream";
import { systemPaths } from "./system-file.ts";
import { WorkerLink } from "./worker-link.ts";

/**
 * `unshare` stays as the worker's parent: a process can enter a pid namespace only by its children. It is killed with
 * the worker and reports the worker's end as its own.
 */
const UNSHARE: readonly string[] = [
  "--pid",
  "--fork",
  "--mount",
  "--uts",
  "--ipc",
  "--net",
  "--kill-child=SIGKILL",
  "--mount-proc",
  // The worker makes its mounts slaves itself, after it has taken what it needs.
  "--propagation",
  "unchanged",
];

export interface LaunchedWorker {
  /** Pid of `unshare`. */
  readonly pid: number;
  readonly process: ChildProcess;
  /** The first handle, which the worker has as file descriptor 3. */
  readonly link: WorkerLink;
  /** Resolves with how the worker ended, as it reads after "the worker": `exited with status 1`. */
  readonly ended: Promise<string>;
}

/**
 * Starts `command` with the system directory as its last argument. Resolves when the process exists.
 *
 * @param environment the whole environment of the worker
 */
export function launchWorker(
  command: readonly string[],
  directory: string,
  environment: Readonly<Record<string, string>>,
): Promise<LaunchedWorker> {
  const log = openSync(systemPaths(directory).workerLog, "a", 0o600);
  let child: ChildProcess;
  try {
    child = spawn("unshare", [...UNSHARE, "--", ...command, directory], {
      stdio: ["ignore", log, log, "pipe"],
      // Not in this directory, which may be somebody's mount; not in this session, whose terminal sends signals.
      cwd: "/",
      detached: true,
      env: environment,
    });
  } finally {
    closeSync(log);
  }
  const ended = new Promise<string>((resolve) => {
    child.once("exit", (status, signal) => resolve(describeEnd(status, signal, directory)));
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("spawn", () => {
      child.off("error", reject);
      // Later errors are those of kill(), which nobody calls on the child object.
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

function describeEnd(status: number | null, signal: string | null, directory: string): string {
  if (signal !== null) return `was ended by ${signal}`;
  return readLog(directory).at(-1)?.startsWith(STUMBLED) === true
    ? "was ended by SIGKILL"
    : `exited with status ${status ?? "unknown"}`;
}

const LONGEST_TAIL = 400;

/** The last line that the worker wrote, for error texts; undefined when there is none (any more). */
export function lastWords(directory: string): string | undefined {
  return readLog(directory)
    .findLast((line) => !line.startsWith(STUMBLED))
    ?.slice(-LONGEST_TAIL);
}

/** The lines of the log that are not empty; none when the system's directory is gone. */
function readLog(directory: string): string[] {
  try {
    const lines = readFileSync(systemPaths(directory).workerLog, "utf8").split("\n");
    return lines.map((line) => line.trim()).filter((line) => line !== "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
