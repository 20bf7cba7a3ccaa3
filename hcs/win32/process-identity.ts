/** Processes by pid and start time, so that a recycled pid is never taken for the process that had it before. */
import { Lane } from "./ffi/lane.ts";
import { KERNEL32_PROCESSES } from "./ffi/libraries/kernel32-processes.ts";
import { Library } from "./ffi/library.ts";
import { isNull } from "./ffi/memory.ts";
import { out } from "./ffi/types.ts";
import { PROCESS_QUERY_LIMITED_INFORMATION, withProcess } from "./process-handle.ts";

const lane = new Lane("process identity", 1);
const processes = new Library(KERNEL32_PROCESSES, lane);

/** A FILETIME counts 100 ns; as such it would not fit a number. */
const TICKS_PER_MS = 10_000n;

export interface ProcessIdentity {
  readonly pid: number;
  /** Milliseconds between 1601 and the start of the process. */
  readonly startTime: number;
}

/**
 * The process that has `pid` now (OpenProcess, GetProcessTimes). Undefined when there is none, when it has ended and somebody still
 * holds a handle to it, and when the system protects it: such a process is none of this program's.
 */
export function identify(pid: number): ProcessIdentity | undefined {
  return withProcess(pid, PROCESS_QUERY_LIMITED_INFORMATION, (process) => {
    const [created, exited] = [out(), out()];
    if (processes.call("GetProcessTimes", process, created, exited, out(), out()) === 0) return undefined;
    // Of a process that runs there is no time of its end.
    if (!isNull(exited[0])) return undefined;
    return { pid, startTime: Number(BigInt(created[0]) / TICKS_PER_MS) };
  });
}
