/** Handles to processes by their pids. */
import { Lane } from "./ffi/lane.ts";
import { KERNEL32_PROCESSES } from "./ffi/libraries/kernel32-processes.ts";
import { Library } from "./ffi/library.ts";
import { closeHandle, isNull } from "./ffi/memory.ts";
import type { Handle } from "./ffi/types.ts";

const processes = new Library(KERNEL32_PROCESSES, new Lane("process handles", 1));

/** Enough to ask what a process uses, who it is, and when it started. */
export const PROCESS_QUERY_LIMITED_INFORMATION = 0x1000;

/**
 * OpenProcess, and CloseHandle after `use`. Undefined when there is no such process, and when the system protects it: such a
 * process is none of this program's.
 */
export function withProcess<T>(
  processId: number,
  access: number,
  use: (process: Handle) => T,
): T | undefined {
  const process = processes.call("OpenProcess", access, 0, processId);
  if (isNull(process)) return undefined;
  try {
    return use(process);
  } finally {
    closeHandle(process);
  }
}
