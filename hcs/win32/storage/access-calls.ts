/** Who may open a file, and where a path leads, as calls that block: the file may be anywhere. */
import { statSync } from "node:fs";
import { HRESULT } from "../../hresult-table.ts";
import { Lane } from "../ffi/lane.ts";
import { lastErrorFailure } from "../ffi/last-error.ts";
import { ADVAPI32 } from "../ffi/libraries/advapi32.ts";
import { KERNEL32 } from "../ffi/libraries/kernel32.ts";
import { KERNEL32_FILES } from "../ffi/libraries/kernel32-files.ts";
import { Library } from "../ffi/library.ts";
import { failure, win32Failure, type Attempt } from "../ffi/result.ts";
import { Structure } from "../ffi/structure.ts";
import { out, type Handle } from "../ffi/types.ts";
import { fileFailure } from "./file-errors.ts";

const lane = new Lane("access", 1);
const advapi32 = new Library(ADVAPI32, lane);
const files = new Library(KERNEL32_FILES, lane);
const kernel32 = new Library(KERNEL32, lane);

const SE_FILE_OBJECT = 1;
const DACL_SECURITY_INFORMATION = 4;
const GRANT_ACCESS = 1;
const NO_INHERITANCE = 0;
const SUB_CONTAINERS_AND_OBJECTS_INHERIT = 3;
const TRUSTEE_IS_SID = 0;
const TRUSTEE_IS_WELL_KNOWN_GROUP = 5;
/** `NT VIRTUAL MACHINE\Virtual Machines`: every VM. */
const VM_GROUP = "S-1-5-83-0";

const FILE_SHARE_ALL = 7;
const OPEN_EXISTING = 3;
/** Without it directories cannot be opened. */
const FILE_FLAG_BACKUP_SEMANTICS = 0x0200_0000;
const VOLUME_NAME_GUID = 1;
const INVALID_HANDLE = 0xffff_ffff_ffff_ffffn;
const LONGEST_PATH = 32_768;
/** FILE_INFO_BY_HANDLE_CLASS */
const FILE_ID_INFO = 18;
/** VolumeSerialNumber 0, FileId 8. */
const FILE_ID_INFO_BYTES = 24;

export const ACCESS_CALLS = {
  /** Adds an entry for the group of all VMs to the file's list; of directories, also for what is in them. */
  grantVmGroupAccess(path: string, accessMask: number): void {
    const attempt = { operation: "give virtual machines access to", target: path };
    const inheritance = isDirectory(path, attempt) ? SUB_CONTAINERS_AND_OBJECTS_INHERIT : NO_INHERITANCE;
    grantVmGroup({ name: path, kind: SE_FILE_OBJECT, accessMask, inheritance }, attempt);
  },

  /** GetFinalPathNameByHandle, with the volume in the place of its drive letter. */
  finalPath(path: string): string {
    const attempt = { operation: "resolve", target: path };
    return withOpen(path, attempt, (file) => {
      const name = Buffer.alloc(LONGEST_PATH * 2);
      const length = files.call("GetFinalPathNameByHandleW", file, name, LONGEST_PATH, VOLUME_NAME_GUID);
      if (length === 0) throw lastErrorFailure(attempt);
      if (length > LONGEST_PATH) throw failure(HRESULT.invalidArgument, attempt, "its path is too long");
      return name.toString("utf16le", 0, length * 2);
    });
  },

  /** GetFileInformationByHandleEx, for FILE_ID_INFO. Whatever the reason: what gives no id has none. */
  answersFileIds(path: string): boolean {
    return withOpen(path, { operation: "look at", target: path }, (file) => {
      const information = Buffer.alloc(FILE_ID_INFO_BYTES);
      return (
        files.call("GetFileInformationByHandleEx", file, FILE_ID_INFO, information, information.length) !== 0
      );
    });
  },
} as const;

export type AccessCalls = typeof ACCESS_CALLS;

/** Of a file or directory, opened for nothing but to be asked about. */
function withOpen<T>(path: string, attempt: Attempt, use: (file: Handle) => T): T {
  const flags = FILE_FLAG_BACKUP_SEMANTICS;
  const file = files.call("CreateFileW", path, 0, FILE_SHARE_ALL, null, OPEN_EXISTING, flags, 0);
  if (BigInt(file) === INVALID_HANDLE) throw lastErrorFailure(attempt);
  try {
    return use(file);
  } finally {
    kernel32.call("CloseHandle", file);
  }
}

export interface Grant {
  /** Of the object, as its kind of objects has it. */
  readonly name: string;
  /** SE_OBJECT_TYPE */
  readonly kind: number;
  readonly accessMask: number;
  /** What is in it gets the entry too. */
  readonly inheritance: number;
}

/** Adds an entry for the group of all VMs to an object's list. @throws {HcsError} */
export function grantVmGroup({ name, kind, accessMask, inheritance }: Grant, attempt: Attempt): void {
  withFreed((free) => {
    const acl = out();
    const descriptor = out();
    const what = DACL_SECURITY_INFORMATION;
    required(advapi32.call("GetNamedSecurityInfoW", name, kind, what, 0, 0, acl, 0, descriptor), attempt);
    free(descriptor[0]);
    const sid = out();
    if (advapi32.call("ConvertStringSidToSidW", VM_GROUP, sid) === 0) throw lastErrorFailure(attempt);
    free(sid[0]);
    // EXPLICIT_ACCESS: grfAccessPermissions 0, grfAccessMode 4, grfInheritance 8, then TRUSTEE: TrusteeForm 28, TrusteeType 32, ptstrName 40.
    const entry = new Structure(48)
      .u32(0, accessMask >>> 0)
      .u32(4, GRANT_ACCESS)
      .u32(8, inheritance)
      .u32(28, TRUSTEE_IS_SID)
      .u32(32, TRUSTEE_IS_WELL_KNOWN_GROUP)
      .u64(40, sid[0]);
    const extended = out();
    required(advapi32.call("SetEntriesInAclW", 1, entry.bytes, acl[0], extended), attempt);
    free(extended[0]);
    required(advapi32.call("SetNamedSecurityInfoW", name, kind, what, 0, 0, extended[0], 0), attempt);
  });
}

function isDirectory(path: string, attempt: Attempt): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw fileFailure(error, attempt);
  }
}

/** What is handed to `free` is given back by LocalFree in the end. */
function withFreed(use: (free: (memory: Handle) => void) => void): void {
  const memory: Handle[] = [];
  try {
    use((address) => memory.push(address));
  } finally {
    for (const address of memory) kernel32.call("LocalFree", address);
  }
}

function required(error: number, attempt: Attempt): void {
  if (error !== 0) throw win32Failure(error, attempt);
}
