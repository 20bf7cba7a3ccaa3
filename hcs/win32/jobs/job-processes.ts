/** The processes of a job: which there are, what the system tells of each, and waiting for their end. */
import { createDeferred } from "../../deferred.ts";
import { abortable } from "../../abortable.ts";
import type { ProcessListEntry } from "../../schema/properties.ts";
import { Lane } from "../ffi/lane.ts";
import { lastError, lastErrorFailure } from "../ffi/last-error.ts";
import { KERNEL32 } from "../ffi/libraries/kernel32.ts";
import { KERNEL32_JOBS } from "../ffi/libraries/kernel32-jobs.ts";
import { KERNEL32_PROCESSES } from "../ffi/libraries/kernel32-processes.ts";
import { Library } from "../ffi/library.ts";
import type { Attempt } from "../ffi/result.ts";
import { out, type Handle } from "../ffi/types.ts";
import { Watch } from "../ffi/watch.ts";
import { memoryOf } from "../process-memory.ts";
import { PROCESS_QUERY_LIMITED_INFORMATION, withProcess } from "../process-handle.ts";
import { CLASS, processIdList, readProcessIds } from "./job-structures.ts";

const lane = new Lane("job processes", 1);
const kernel32 = new Library(KERNEL32, lane);
const jobs = new Library(KERNEL32_JOBS, lane);
const processes = new Library(KERNEL32_PROCESSES, lane);

const SYNCHRONIZE = 0x10_0000;
const ERROR_MORE_DATA = 234;
const LONGEST_PATH = 32_768;

export function processIdsOf(job: Handle, attempt: Attempt): number[] {
  for (let room = 64; ; room *= 4) {
    const list = processIdList(room);
    const answered = jobs.call("QueryInformationJobObject", job, CLASS.processIds, list, list.length, null);
    if (answered === 0 && lastError() !== ERROR_MORE_DATA) throw lastErrorFailure(attempt);
    const ids = answered === 0 ? undefined : readProcessIds(list);
    if (ids !== undefined) return ids;
  }
}

/** What the system tells of a process; undefined when it has ended. */
export function describeProcess(processId: number): ProcessListEntry | undefined {
  return withProcess(processId, PROCESS_QUERY_LIMITED_INFORMATION, (process) => {
    const [created, exited, kernel, user] = [out(), out(), out(), out()];
    if (processes.call("GetProcessTimes", process, created, exited, kernel, user) === 0) return undefined;
    return {
      ProcessId: processId,
      ImageName: imageName(process),
      CreateTimestamp: fileTime(BigInt(created[0])).toISOString(),
      UserTime100ns: user[0],
      KernelTime100ns: kernel[0],
      ...memoryOf(process),
    };
  });
}

/** Resolves when one of these processes has ended; at once when one is gone already. */
export async function anyEnded(
  processIds: readonly number[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const ended = createDeferred<void>();
  const releases: (() => void)[] = [];
  try {
    for (const processId of processIds) {
      const process = processes.call("OpenProcess", SYNCHRONIZE, 0, processId);
      if (BigInt(process) === 0n) return;
      const close = (): void => void kernel32.call("CloseHandle", process);
      try {
        const watch = new Watch(process, () => ended.resolve(), { once: true });
        releases.push(() => watch.stop(close));
      } catch (error) {
        close();
        throw error;
      }
    }
    await abortable(ended.promise, signal);
  } finally {
    for (const release of releases) release();
  }
}

/** The last part of its path. */
function imageName(process: Handle): string {
  const path = Buffer.alloc(LONGEST_PATH * 2);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(LONGEST_PATH);
  if (processes.call("QueryFullProcessImageNameW", process, 0, path, length) === 0) return "";
  return path.toString("utf16le", 0, length.readUInt32LE() * 2).replace(/^.*\\/s, "");
}

/** A FILETIME: 100 ns since 1601. */
function fileTime(value: bigint): Date {
  const TICKS_PER_MS = 10_000n;
  const EPOCH_MS = 11_644_473_600_000n;
  return new Date(Number(value / TICKS_PER_MS - EPOCH_MS));
}
