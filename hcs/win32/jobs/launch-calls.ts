/** Starting a process in a job, as a call that blocks: the program's file is read and looked at by whoever guards the host. */
import { win32 } from "node:path";
import { Lane } from "../ffi/lane.ts";
import { lastError } from "../ffi/last-error.ts";
import { ADVAPI32 } from "../ffi/libraries/advapi32.ts";
import { KERNEL32 } from "../ffi/libraries/kernel32.ts";
import { KERNEL32_FILES } from "../ffi/libraries/kernel32-files.ts";
import { KERNEL32_PROCESSES } from "../ffi/libraries/kernel32-processes.ts";
import { Library } from "../ffi/library.ts";
import { win32Failure } from "../ffi/result.ts";
import { addressOf, Structure, textBytes } from "../ffi/structure.ts";
import type { Handle } from "../ffi/types.ts";

const lane = new Lane("launch", 1);
const advapi32 = new Library(ADVAPI32, lane);
const kernel32 = new Library(KERNEL32, lane);
const files = new Library(KERNEL32_FILES, lane);
const processes = new Library(KERNEL32_PROCESSES, lane);

/** What CreateProcessAsUser is given. Handles are the caller's, and stay so. */
export interface Launch {
  readonly job: Handle;
  readonly token: Handle;
  readonly path: string;
  readonly commandLine: string;
  readonly environment: readonly string[];
  readonly workingDirectory: string;
  readonly flags: number;
  /** The process's ends of its streams. Left out where it has none. */
  readonly stdin?: Handle;
  readonly stdout?: Handle;
  readonly stderr?: Handle;
  /** Instead of streams. */
  readonly pseudoConsole?: Handle;
}

export interface Launched {
  /** Its handle; to be closed. */
  readonly handle: Handle;
  readonly processId: number;
}

const CREATE_UNICODE_ENVIRONMENT = 0x400;
const EXTENDED_STARTUPINFO_PRESENT = 0x8_0000;
const STARTF_USESTDHANDLES = 0x100;
const HANDLE_FLAG_INHERIT = 1;

/** PROC_THREAD_ATTRIBUTE_* */
const ATTRIBUTE = { handleList: 0x2_0002, jobList: 0x2_000d, pseudoConsole: 0x2_0016 } as const;

interface Attribute {
  readonly name: number;
  /** An address, or the handle itself where the attribute is one. */
  readonly value: Handle;
  readonly bytes: number;
  /** What the address is of. */
  readonly memory?: Buffer;
}

export const LAUNCH_CALLS = {
  /** CreateProcessAsUser, in the job from its first instruction on. Inherits its streams alone. */
  launch(request: Launch): Launched {
    const attempt = { operation: "start process", target: request.path };
    const streams = [request.stdin, request.stdout, request.stderr].filter((handle) => handle !== undefined);
    const attributes = [handlesAttribute(ATTRIBUTE.jobList, [request.job])];
    if (request.pseudoConsole !== undefined)
      attributes.push({ name: ATTRIBUTE.pseudoConsole, value: request.pseudoConsole, bytes: 8 });
    else if (streams.length > 0) attributes.push(handlesAttribute(ATTRIBUTE.handleList, streams));
    return withAttributes(attributes, (list) => {
      for (const handle of streams) setInherited(handle, true);
      const information = Buffer.alloc(24);
      try {
        const created = advapi32.call(
          "CreateProcessAsUserW",
          request.token,
          request.path,
          // Written to by the function.
          textBytes(request.commandLine),
          null,
          null,
          streams.length > 0 ? 1 : 0,
          request.flags | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT,
          environmentBlock(request.environment),
          win32.normalize(request.workingDirectory),
          startupInformation(request, list),
          information,
        );
        if (created === 0) throw win32Failure(lastError(), attempt);
      } finally {
        for (const handle of streams) setInherited(handle, false);
      }
      // PROCESS_INFORMATION: hProcess 0, hThread 8, dwProcessId 16.
      kernel32.call("CloseHandle", information.readBigUInt64LE(8));
      return { handle: information.readBigUInt64LE(0), processId: information.readUInt32LE(16) };
    });
  },

  /** ClosePseudoConsole: waits until what was written to it has been read, on builds before 26100. */
  closePseudoConsole(console: Handle): void {
    processes.call("ClosePseudoConsole", console);
  },
} as const;

export type LaunchCalls = typeof LAUNCH_CALLS;

function handlesAttribute(name: number, handles: readonly Handle[]): Attribute {
  const memory = Buffer.alloc(8 * handles.length);
  handles.forEach((handle, index) => memory.writeBigUInt64LE(BigInt(handle), 8 * index));
  return { name, value: addressOf(memory), bytes: memory.length, memory };
}

/** The attributes live as long as `use` runs. */
function withAttributes<T>(attributes: readonly Attribute[], use: (list: Buffer) => T): T {
  const attempt = { operation: "prepare the start of a process" };
  const size = Buffer.alloc(8);
  // Fails by design: tells the size.
  processes.call("InitializeProcThreadAttributeList", null, attributes.length, 0, size);
  const list = Buffer.alloc(Number(size.readBigUInt64LE()));
  if (processes.call("InitializeProcThreadAttributeList", list, attributes.length, 0, size) === 0)
    throw win32Failure(lastError(), attempt);
  try {
    for (const { name, value, bytes } of attributes) {
      if (processes.call("UpdateProcThreadAttribute", list, 0, name, value, bytes, 0, 0) === 0)
        throw win32Failure(lastError(), attempt);
    }
    return use(list);
  } finally {
    processes.call("DeleteProcThreadAttributeList", list);
    keepAlive(attributes);
  }
}

/** STARTUPINFOEX: cb 0, dwFlags 60, hStdInput 80, hStdOutput 88, hStdError 96, lpAttributeList 104. */
function startupInformation(request: Launch, list: Buffer): Buffer {
  const startup = new Structure(112).u32(0, 112).pointer(104, list);
  if (request.pseudoConsole !== undefined) return startup.bytes;
  return startup
    .u32(60, STARTF_USESTDHANDLES)
    .u64(80, request.stdin ?? 0)
    .u64(88, request.stdout ?? 0)
    .u64(96, request.stderr ?? 0).bytes;
}

/** Texts one after the other, and an empty one; two where there is nothing else. */
function environmentBlock(entries: readonly string[]): Buffer {
  return Buffer.concat([...(entries.length === 0 ? [""] : entries), ""].map(textBytes));
}

/** For the moment of the start: processes that somebody else starts inherit everything that can be. */
function setInherited(handle: Handle, inherited: boolean): void {
  files.call("SetHandleInformation", handle, HANDLE_FLAG_INHERIT, inherited ? HANDLE_FLAG_INHERIT : 0);
}

function keepAlive(_value: unknown): void {}
