/** The error of functions that report by GetLastError, which must be asked before anything else is called on the thread. */
import type { HcsError } from "../../errors.ts";
import { Lane } from "./lane.ts";
import { KERNEL32 } from "./libraries/kernel32.ts";
import { Library } from "./library.ts";
import { win32Failure, type Attempt } from "./result.ts";

const kernel32 = new Library(KERNEL32, new Lane("last error", 1));

// Found before anything can fail: looking for a function may itself change the last error.
if (process.platform === "win32") kernel32.has("GetLastError");

/** GetLastError of this thread. */
export function lastError(): number {
  return kernel32.call("GetLastError");
}

export function lastErrorFailure(attempt: Attempt): HcsError {
  return win32Failure(lastError(), attempt);
}
