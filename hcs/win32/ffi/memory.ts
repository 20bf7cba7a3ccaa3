/** What native functions handed over: memory to read and to free, handles to close. */
import koffi from "koffi";
import { Lane } from "./lane.ts";
import { KERNEL32 } from "./libraries/kernel32.ts";
import { OLE32 } from "./libraries/ole32.ts";
import { Library } from "./library.ts";
import type { Handle } from "./types.ts";

const kernel32 = new Library(KERNEL32, new Lane("kernel32", 1));
const ole32 = new Library(OLE32, new Lane("ole32", 1));

/** The NUL-terminated UTF-16 text at an address. Lone surrogates stay as they are. */
export function readText(address: Handle): string {
  return koffi.decode(BigInt(address), "char16_t", -1) as string;
}

/** The DWORD at an address. */
export function readU32(address: Handle): number {
  return koffi.decode.uint32(BigInt(address));
}

/** The pointer or handle at an address, `offset` bytes on. */
export function readHandle(address: Handle, offset: number): Handle {
  return koffi.decode.uint64(BigInt(address) + BigInt(offset));
}

/**
 * A text that a function allocated for its caller (PWSTR*): read, then freed by LocalFree, as documented.
 *
 * @returns undefined where the function left the pointer empty
 */
export function takeText(address: Handle): string | undefined {
  if (isNull(address)) return undefined;
  try {
    return readText(address);
  } finally {
    kernel32.call("LocalFree", address);
  }
}

/** The same of functions that allocate as COM does (CoTaskMemAlloc): those of the network service. */
export function takeCoTaskText(address: Handle): string | undefined {
  if (isNull(address)) return undefined;
  try {
    return readText(address);
  } finally {
    ole32.call("CoTaskMemFree", address);
  }
}

export function isNull(handle: Handle): boolean {
  return BigInt(handle) === 0n;
}

/** CloseHandle. */
export function closeHandle(handle: Handle): void {
  kernel32.call("CloseHandle", handle);
}
