/** Reading memory that native functions handed over, and giving it back. */
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
