/**
 * How a call can fail: the codes, the one error class that carries them, and the one function that turns anything
 * thrown into a status for the wire.
 */
import type { Any, Status } from "../../protos/gen/google.ts";

/** Status codes, those of gRPC. */
export const Code = {
  OK: 0,
  Canceled: 1,
  Unknown: 2,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  AlreadyExists: 6,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  FailedPrecondition: 9,
  Aborted: 10,
  OutOfRange: 11,
  Unimplemented: 12,
  Internal: 13,
  Unavailable: 14,
  DataLoss: 15,
  Unauthenticated: 16,
} as const;

/** The name of a code. */
export type CodeName = keyof typeof Code;

/**
 * The word that containerd uses for each class of failure (its errdefs package). It derives the class from the code; the
 * 1.x releases know only those of codes 1 to 6, 9, 12 and 14 and call all others `unknown`.
 */
const CLASS_OF: Readonly<Record<CodeName, string>> = {
  OK: "ok",
  Canceled: "context canceled",
  Unknown: "unknown",
  InvalidArgument: "invalid argument",
  DeadlineExceeded: "context deadline exceeded",
  NotFound: "not found",
  AlreadyExists: "already exists",
  PermissionDenied: "permission denied",
  ResourceExhausted: "resource exhausted",
  FailedPrecondition: "failed precondition",
  Aborted: "aborted",
  OutOfRange: "out of range",
  Unimplemented: "not implemented",
  Internal: "internal",
  Unavailable: "unavailable",
  DataLoss: "data loss",
  Unauthenticated: "unauthenticated",
};

const NAMES: ReadonlyMap<number, CodeName> = new Map(
  (Object.entries(Code) as [CodeName, number][]).map(([name, code]) => [code, name]),
);

/** `NotFound` for 5; `code 99` for a number that has no name. */
export function nameOfCode(code: number): string {
  return NAMES.get(code) ?? `code ${code}`;
}

/** containerd's word for a code: `not found` for 5. Codes without a name count as unknown. */
export function classOfCode(code: number): string {
  return CLASS_OF[NAMES.get(code) ?? "Unknown"];
}

/**
 * Ends a text with containerd's word for its code, once: `task "web": not found`. With it every release prints the same:
 * 1.x adds the word where it is missing, 2.x prints the text as it came.
 */
export function withClass(code: number, text: string): string {
  const word = classOfCode(code);
  if (text === "" || text === word) return word;
  return text.endsWith(`: ${word}`) ? text : `${text}: ${word}`;
}

/** A call or a stream that failed, with the status that was or will be sent. */
export class RpcError extends Error {
  override readonly name: string = "RpcError";
  /** One of {@link Code}, or a number this side has no name for. */
  readonly code: number;
  /** Further messages about the failure. containerd makes error text of those it cannot decode: mostly better empty. */
  readonly details: readonly Any[];

  constructor(
    code: number,
    message: string,
    options: { readonly details?: readonly Any[]; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? [];
  }

  /** Whether `error` is one, with `code` if given. */
  static is(error: unknown, code?: number): error is RpcError {
    return error instanceof RpcError && (code === undefined || error.code === code);
  }
}

/**
 * The connection ended, before the call or while it was under way. The text is exactly `ttrpc: closed`: containerd and
 * its CRI plugin compare it. Why it ended is the cause.
 */
export class ConnectionClosedError extends RpcError {
  override readonly name: string = "ConnectionClosedError";

  constructor(cause?: unknown) {
    super(Code.Unavailable, "ttrpc: closed", cause === undefined ? {} : { cause });
  }
}

/** Whether a call failed because the connection ended. The peer may or may not have carried it out. */
export function isConnectionClosed(error: unknown): error is ConnectionClosedError {
  return error instanceof ConnectionClosedError;
}

/** Errors of the platform whose meaning does not depend on who threw them, by `name`. */
const CODE_OF_NAME: ReadonlyMap<string, number> = new Map([
  // What an AbortController without a reason, and Node's own functions, reject with.
  ["AbortError", Code.Canceled],
  // What AbortSignal.timeout() rejects with.
  ["TimeoutError", Code.DeadlineExceeded],
]);

/**
 * The code for anything thrown. System errors such as ENOENT stay unknown on purpose: a missing file within a handler
 * says nothing about the task, but containerd would read NotFound as "the task is gone" and clean up after it.
 */
export function codeOf(error: unknown): number {
  if (error instanceof RpcError) {
    // A failure must not travel as success, nor with a number that an int32 cannot hold.
    return error.code !== Code.OK && (error.code | 0) === error.code ? error.code : Code.Unknown;
  }
  return (error instanceof Error ? CODE_OF_NAME.get(error.name) : undefined) ?? Code.Unknown;
}

/** The status for anything thrown. Never one of success. */
export function statusOf(error: unknown): Status {
  return {
    code: codeOf(error),
    message: textOf(error),
    details: error instanceof RpcError ? [...error.details] : [],
  };
}

/** The error for anything thrown: itself when it is an {@link RpcError}, else one that has it as its cause. */
export function rpcErrorOf(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  return new RpcError(codeOf(error), textOf(error), { cause: error });
}

/** The error for a status that arrived. */
export function rpcErrorFromStatus(status: Status): RpcError {
  return new RpcError(status.code, status.message, { details: status.details });
}

function textOf(error: unknown): string {
  if (error instanceof Error) return error.message === "" ? error.name : error.message;
  if (typeof error === "string") return error;
  try {
    return String(error);
  } catch {
    // An object without a usable toString is still an answer worth sending.
    return "error without a text";
  }
}
