/** Errors of Node's file system as those of the port. */
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { hresultFromWin32 } from "../../hresult.ts";
import type { Attempt } from "../ffi/result.ts";

/** What libuv makes of a Win32 error → the error it was made of, or the most telling of several. */
const WIN32_ERROR: Readonly<Record<string, number>> = {
  ENOENT: 2,
  EMFILE: 4,
  EACCES: 5,
  EPERM: 5,
  EBUSY: 32,
  EEXIST: 80,
  EINVAL: 87,
  ENOSPC: 112,
  ENOTEMPTY: 145,
  ENAMETOOLONG: 206,
  ENOTDIR: 267,
  ELOOP: 1921,
};

export function fileFailure(error: unknown, attempt: Attempt): HcsError {
  const { code = "", message } = error as NodeJS.ErrnoException;
  const known = WIN32_ERROR[code];
  const hresult = known === undefined ? HRESULT.failed : hresultFromWin32(known);
  return new HcsError({ ...attempt, hresult, detail: message, cause: error });
}
