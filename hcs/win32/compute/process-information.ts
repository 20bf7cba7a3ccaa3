/** HCS_PROCESS_INFORMATION: `u32 ProcessId, u32 Reserved, HANDLE StdInput, HANDLE StdOutput, HANDLE StdError` (computedefs.h, x64). */
import { closeHandle, isNull } from "../ffi/memory.ts";
import type { Handle } from "../ffi/types.ts";
import type { ProcessInformation } from "./native.ts";

const SIZE = 32;
const OFFSETS = { stdin: 8, stdout: 16, stderr: 24 } as const;

export function newProcessInformation(): Buffer {
  return Buffer.alloc(SIZE);
}

export function readProcessInformation(bytes: Buffer): ProcessInformation {
  const handle = (offset: number): Handle | undefined => {
    const value = bytes.readBigUInt64LE(offset);
    return isNull(value) ? undefined : value;
  };
  return {
    processId: bytes.readUInt32LE(0),
    stdin: handle(OFFSETS.stdin),
    stdout: handle(OFFSETS.stdout),
    stderr: handle(OFFSETS.stderr),
  };
}

/** Closes the handles of streams that nobody will use. */
export function closeStreams({ stdin, stdout, stderr }: ProcessInformation): void {
  for (const handle of [stdin, stdout, stderr]) if (handle !== undefined) closeHandle(handle);
}
