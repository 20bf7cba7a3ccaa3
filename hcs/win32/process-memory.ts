/** What memory a process uses. */
import type { ProcessListEntry } from "../schema/properties.ts";
import { Lane } from "./ffi/lane.ts";
import { NTDLL } from "./ffi/libraries/ntdll.ts";
import { Library } from "./ffi/library.ts";
import type { Handle } from "./ffi/types.ts";

const ntdll = new Library(NTDLL, new Lane("process memory", 1));

const PROCESS_VM_COUNTERS = 3;

/** VM_COUNTERS_EX2: WorkingSetSize 32, PrivateUsage 88, PrivateWorkingSetSize 96. Builds before 16299 have it without the last. */
export function memoryOf(
  process: Handle,
): Pick<
  ProcessListEntry,
  "MemoryCommitBytes" | "MemoryWorkingSetPrivateBytes" | "MemoryWorkingSetSharedBytes"
> {
  const WITH_PRIVATE = 112;
  const WITHOUT = 96;
  for (const size of [WITH_PRIVATE, WITHOUT]) {
    const counters = Buffer.alloc(WITH_PRIVATE);
    if (ntdll.call("NtQueryInformationProcess", process, PROCESS_VM_COUNTERS, counters, size, null) !== 0)
      continue;
    const workingSet = counters.readBigUInt64LE(32);
    const privateSet = size === WITH_PRIVATE ? counters.readBigUInt64LE(96) : workingSet;
    return {
      MemoryCommitBytes: counters.readBigUInt64LE(88),
      MemoryWorkingSetPrivateBytes: privateSet,
      MemoryWorkingSetSharedBytes: workingSet - privateSet,
    };
  }
  return {};
}
