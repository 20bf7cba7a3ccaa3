/**
 * The process of the host that holds the memory of a utility VM: `vmmem`, which runs as the VM's own account. It has no image
 * file, so it is found by its name in the list of all processes.
 */
import { Lane } from "../ffi/lane.ts";
import { lastErrorFailure } from "../ffi/last-error.ts";
import { ADVAPI32 } from "../ffi/libraries/advapi32.ts";
import { KERNEL32_PROCESSES } from "../ffi/libraries/kernel32-processes.ts";
import { Library } from "../ffi/library.ts";
import { closeHandle, readHandle, takeText } from "../ffi/memory.ts";
import { addressOf } from "../ffi/structure.ts";
import { out, type Handle } from "../ffi/types.ts";
import { guidToBytes } from "../guid.ts";
import { PROCESS_QUERY_LIMITED_INFORMATION, withProcess } from "../process-handle.ts";
import { memoryOf } from "../process-memory.ts";

const lane = new Lane("memory of VMs", 1);
const advapi32 = new Library(ADVAPI32, lane);
const processes = new Library(KERNEL32_PROCESSES, lane);

const TH32CS_SNAPPROCESS = 2;
const INVALID_HANDLE = 0xffff_ffff_ffff_ffffn;
/** PROCESSENTRY32W: dwSize 0, th32ProcessID 8, szExeFile 44. */
const ENTRY = { size: 568, processId: 8, name: 44, nameBytes: 520 } as const;
const TOKEN_QUERY = 8;
const TOKEN_USER = 1;
/** TOKEN_USER and a SID of the largest size. */
const TOKEN_USER_BYTES = 16 + 68;

export const MEMORY_PROCESS = "vmmem";

/** Bytes that the memory process of a VM has in use; undefined when there is none. @throws {HcsError} */
export function workingSetOfVm(runtimeId: string): bigint | undefined {
  return workingSetOf(MEMORY_PROCESS, vmAccount(runtimeId));
}

/** `NT VIRTUAL MACHINE\\<GUID>`: authority 83, then the four quarters of the GUID as it lies in memory. */
export function vmAccount(runtimeId: string): string {
  const bytes = guidToBytes(runtimeId);
  const quarters = [0, 4, 8, 12].map((offset) => bytes.readUInt32LE(offset));
  return ["S-1-5-83-1", ...quarters].join("-");
}

/**
 * Of the first process with this name and account that may be looked at.
 *
 * @param account a SID as text
 */
export function workingSetOf(name: string, account: string): bigint | undefined {
  for (const processId of processesNamed(name)) {
    const found = withProcess(processId, PROCESS_QUERY_LIMITED_INFORMATION, (process) => {
      if (accountOf(process) !== account) return undefined;
      const { MemoryWorkingSetPrivateBytes: own, MemoryWorkingSetSharedBytes: shared } = memoryOf(process);
      return own === undefined || shared === undefined ? undefined : BigInt(own) + BigInt(shared);
    });
    if (found !== undefined) return found;
  }
  return undefined;
}

function processesNamed(wanted: string): number[] {
  const snapshot = processes.call("CreateToolhelp32Snapshot", TH32CS_SNAPPROCESS, 0);
  if (BigInt(snapshot) === INVALID_HANDLE) throw lastErrorFailure({ operation: "list processes" });
  try {
    const found: number[] = [];
    const entry = Buffer.alloc(ENTRY.size);
    entry.writeUInt32LE(ENTRY.size);
    let more = processes.call("Process32FirstW", snapshot, entry);
    for (; more !== 0; more = processes.call("Process32NextW", snapshot, entry)) {
      const name = entry.toString("utf16le", ENTRY.name, ENTRY.name + ENTRY.nameBytes).split("\0", 1)[0];
      if (name?.toLowerCase() === wanted.toLowerCase()) found.push(entry.readUInt32LE(ENTRY.processId));
    }
    return found;
  } finally {
    closeHandle(snapshot);
  }
}

/** The SID of the account that a process runs as; undefined when the system does not say. */
export function accountOf(process: Handle): string | undefined {
  const token = out();
  if (advapi32.call("OpenProcessToken", process, TOKEN_QUERY, token) === 0) return undefined;
  try {
    const user = Buffer.alloc(TOKEN_USER_BYTES);
    if (advapi32.call("GetTokenInformation", token[0], TOKEN_USER, user, user.length, [0]) === 0)
      return undefined;
    const text = out();
    // TOKEN_USER begins with the address of the SID, which lies behind it.
    const sid = readHandle(addressOf(user), 0);
    return advapi32.call("ConvertSidToStringSidW", sid, text) === 0 ? undefined : takeText(text[0]);
  } finally {
    closeHandle(token[0]);
  }
}
