/**
 * Processes by pid and start time, so that a recycled pid is never taken for the process that had it before
 * (proc(5), /proc/pid/stat).
 */
import { readFileSync, readdirSync, readlinkSync } from "node:fs";

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between boot and the start of the process. */
  readonly startTime: number;
}

interface ProcessStat {
  readonly state: string;
  readonly parent: number;
  readonly startTime: number;
}

/** The program's name may hold blanks and parentheses: fields are counted from the last parenthesis. */
function readStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    // No such process, or it vanished while it was read (ESRCH).
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, parent] = fields;
  const startTime = fields[19];
  if (state === undefined || parent === undefined || startTime === undefined) return undefined;
  return { state, parent: Number(parent), startTime: Number(startTime) };
}

/** The process that has `pid` now; undefined when there is none, or only its zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat === undefined || stat.state === "Z" || stat.state === "X"
    ? undefined
    : { pid, startTime: stat.startTime };
}

/**
 * True while the very process lives. A zombie has ended: by then the kernel has released its descriptors, its mounts
 * and (for the first process of a pid namespace) every process of that namespace.
 */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTime === identity.startTime;
}

/**
 * True while the very process runs its program. A process that was killed has none any more, long before it is gone: the
 * first one of a pid namespace waits for all others.
 */
export function isRunning(identity: ProcessIdentity): boolean {
  if (!isAlive(identity)) return false;
  try {
    readlinkSync(`/proc/${identity.pid}/exe`);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** Sends SIGKILL to the very process. False when it had already ended. */
export function killProcess(identity: ProcessIdentity): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, "SIGKILL");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** The living children of process `pid`. */
export function childrenOf(pid: number): ProcessIdentity[] {
  return childIds(pid).flatMap((child) => identify(child) ?? []);
}

function childIds(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  } catch (error) {
    // Kernels without CONFIG_PROC_CHILDREN, or the process is gone: then nobody has it as parent either.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const ids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return ids.map(Number).filter((id) => readStat(id)?.parent === pid);
}
