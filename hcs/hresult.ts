/**
 * HRESULT arithmetic: what the 32 bits of a Windows result code mean, and the predicates the rest of the
 * project asks instead of comparing numbers.
 *
 * Layout (MS-ERREF 2.1): severity 1 bit, reserved 1, customer 1, NT 1, reserved 1, facility 11, code 16.
 */
import { HRESULTS, type HresultEntry } from "./hresult-table.ts";

export interface HresultParts {
  readonly failed: boolean;
  readonly customer: boolean;
  /** The code is an NTSTATUS in HRESULT clothing (FACILITY_NT_BIT). */
  readonly nt: boolean;
  readonly facility: number;
  readonly code: number;
}

const FACILITY_WIN32 = 7;
const FACILITY_HCS = 0x37;

/** Splits a result code, given as signed or unsigned 32 bits. */
export function splitHresult(hresult: number): HresultParts {
  const bits = hresult >>> 0;
  return {
    failed: bits >>> 31 === 1,
    customer: (bits & 0x2000_0000) !== 0,
    nt: (bits & 0x1000_0000) !== 0,
    facility: (bits >>> 16) & 0x7ff,
    code: bits & 0xffff,
  };
}

/** The table's entry for a code; the `0xC037…` forms that guests and vmcompute.dll use find their `0x8037…` entry. */
export function describeHresult(hresult: number): HresultEntry | undefined {
  const bits = hresult >>> 0;
  return (
    HRESULTS.get(bits) ?? (isHcsCode(bits) ? HRESULTS.get(((bits & 0xffff) | 0x8037_0000) >>> 0) : undefined)
  );
}

/** `0x8037010e (HCS_E_SYSTEM_NOT_FOUND)`, or the bare number when the table has no name for it. */
export function formatHresult(hresult: number): string {
  const hex = `0x${(hresult >>> 0).toString(16).padStart(8, "0")}`;
  const symbol = describeHresult(hresult)?.symbol;
  return symbol === undefined ? hex : `${hex} (${symbol})`;
}

/** HRESULT_FROM_WIN32. */
export function hresultFromWin32(error: number): number {
  return error === 0 ? 0 : ((error & 0xffff) | (FACILITY_WIN32 << 16) | 0x8000_0000) >>> 0;
}

function isHcsCode(bits: number): boolean {
  return ((bits >>> 16) & 0x7ff) === FACILITY_HCS;
}

/** True when `hresult` is HCS code `low`, whichever of its two spellings was used. */
export function isHcs(hresult: number, low: number): boolean {
  return isHcsCode(hresult >>> 0) && (hresult & 0xffff) === low;
}

/** True when `hresult` carries Win32 error `error`, bare or wrapped. */
export function isWin32(hresult: number, error: number): boolean {
  const bits = hresult >>> 0;
  return bits === error || bits === hresultFromWin32(error);
}

function codeOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("hresult" in error)) return undefined;
  return typeof error.hresult === "number" ? error.hresult : undefined;
}

/** Win32 errors that say so: file, path, element, local account. */
const NOT_FOUND_WIN32 = [2, 3, 0x490, 2221];
/** HCN_E_NETWORK_NOT_FOUND, HCN_E_ENDPOINT_NOT_FOUND, HCN_E_NAMESPACE_NOT_FOUND. */
const NOT_FOUND_HCN = [0x803b_0001, 0x803b_0002, 0x803b_0015];

/** The compute system, container, process, element, network object or account does not exist (any more). */
export function isNotFound(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code !== undefined &&
    (isHcs(code, 0x010e) ||
      NOT_FOUND_WIN32.some((win32) => isWin32(code, win32)) ||
      NOT_FOUND_HCN.includes(code >>> 0))
  );
}

/** The compute system or process has already stopped. */
export function isAlreadyStopped(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && (isHcs(code, 0x0110) || isHcs(code, 0x011f));
}

export function isAlreadyExists(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && (isHcs(code, 0x010f) || isWin32(code, 183));
}

/** The guest or the service went away while the call was under way. */
export function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && (isHcs(code, 0x010a) || isHcs(code, 0x011e));
}

export function isTimeout(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && (isHcs(code, 0x0118) || isHcs(code, 0x0109));
}

export function isNotSupported(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && (isHcs(code, 0x010b) || isWin32(code, 0x32) || code >>> 0 === 0x8000_4001);
}

export function isInvalidState(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && isHcs(code, 0x0105);
}

/** Windows refuses to end a process that is ending already. */
export function isAccessDenied(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && isWin32(code, 5);
}

/** A system on its way out answers no questions: wrong state, access denied, or an invalid handle. */
export function isAnswerless(error: unknown): boolean {
  const code = codeOf(error);
  return isInvalidState(error) || isAccessDenied(error) || (code !== undefined && isWin32(code, 6));
}

/** The disk of a layer was attached a moment ago and does not answer yet: ask again. */
export function isNotReadyYet(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && (isWin32(code, 21) || isWin32(code, 1167));
}
