/** Linux errors as HCS would report them. */
import { HcsError } from "../errors.ts";
import { HRESULT } from "../hresult-table.ts";
import { hresultFromWin32 } from "../hresult.ts";

const ERROR_BUSY = 170;
const ERROR_DISK_FULL = 112;
const ERROR_NOT_ENOUGH_MEMORY = 14;
const WSAEADDRINUSE = 10048;
const WSAECONNREFUSED = 10061;

const BY_CODE: Readonly<Record<string, number>> = {
  EACCES: HRESULT.accessDenied,
  EADDRINUSE: hresultFromWin32(WSAEADDRINUSE),
  EBUSY: hresultFromWin32(ERROR_BUSY),
  ECONNREFUSED: hresultFromWin32(WSAECONNREFUSED),
  EEXIST: HRESULT.alreadyExistsWin32,
  EINVAL: HRESULT.invalidArgument,
  ENODEV: HRESULT.notSupported,
  ENOENT: HRESULT.fileNotFound,
  ENOMEM: hresultFromWin32(ERROR_NOT_ENOUGH_MEMORY),
  ENOSPC: hresultFromWin32(ERROR_DISK_FULL),
  ENOTDIR: HRESULT.invalidArgument,
  EPERM: HRESULT.accessDenied,
};

/**
 * What went wrong as `HcsError`, with the text and the code of the Linux error. An `HcsError` and the reason of a
 * fired signal pass through.
 */
export function platformError(
  operation: string,
  target: string,
  error: unknown,
  signal?: AbortSignal,
): unknown {
  if (error instanceof HcsError || (signal?.aborted === true && error === signal.reason)) return error;
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  const hresult = (code === undefined ? undefined : BY_CODE[code]) ?? HRESULT.failed;
  const detail = error instanceof Error ? error.message : String(error);
  return new HcsError({ operation, target, hresult, detail, cause: error });
}
