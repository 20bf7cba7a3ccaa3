/** The error kind of the container library: a class that programs can ask for, and details they can show. */
import { SpecError } from "../../oci/errors.ts";
import { messageOf } from "../errors.ts";
import { Code } from "../ttrpc/index.ts";

/** What went wrong, in the classes of gRPC and containerd. */
export type ClientErrorCode =
  | "InvalidArgument"
  | "NotFound"
  | "AlreadyExists"
  | "FailedPrecondition"
  | "ResourceExhausted"
  | "Unimplemented"
  | "Unavailable"
  | "Unknown";

/** A request that the library, containerd or the shim refuses, or cannot finish. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly code: ClientErrorCode;
  /** The values the message speaks of: `path`, `id`, `field` … */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ClientErrorCode,
    message: string,
    { cause, ...details }: { readonly cause?: unknown; readonly [detail: string]: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }

  /** Whether `error` is one, with `code` if given. */
  static is(error: unknown, code?: ClientErrorCode): error is ClientError {
    return error instanceof ClientError && (code === undefined || error.code === code);
  }
}

const CODES: ReadonlyMap<number, ClientErrorCode> = new Map<number, ClientErrorCode>([
  [Code.InvalidArgument, "InvalidArgument"],
  [Code.NotFound, "NotFound"],
  [Code.AlreadyExists, "AlreadyExists"],
  [Code.FailedPrecondition, "FailedPrecondition"],
  [Code.ResourceExhausted, "ResourceExhausted"],
  [Code.OutOfRange, "InvalidArgument"],
  [Code.Unimplemented, "Unimplemented"],
  [Code.Unavailable, "Unavailable"],
]);

const REFUSALS = {
  "invalid argument": "InvalidArgument",
  "failed precondition": "FailedPrecondition",
  "not found": "NotFound",
} as const;

/**
 * Anything thrown below the library, as its own kind: the statuses of gRPC and ttrpc, and specs that cannot be followed.
 *
 * @param action what was tried: `cannot start container "web"`
 */
export function clientError(action: string, error: unknown): ClientError {
  if (error instanceof ClientError) return error;
  if (error instanceof SpecError)
    return new ClientError(REFUSALS[error.refusal ?? "invalid argument"], `${action}: ${error.message}`, {
      cause: error,
      field: error.at,
    });
  const { code, details } = error as { code?: unknown; details?: unknown };
  const known = typeof code === "number" ? CODES.get(code) : undefined;
  // grpc-js puts a number and a name in front of the server's own words, which it has apart.
  const text = typeof details === "string" && details !== "" ? details : messageOf(error);
  return new ClientError(known ?? "Unknown", `${action}: ${text}`, { cause: error });
}

/** Waits for a call below the library; what it rejects with becomes a {@link ClientError} about `action`. */
export async function translated<T>(action: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw clientError(action, error);
  }
}

/** Whether the call was about something that is not there. */
export function isNotFound(error: unknown): boolean {
  return ClientError.is(error, "NotFound") || (error as { code?: unknown } | null)?.code === Code.NotFound;
}

/** Whether what was to be made is there already. */
export function isAlreadyExists(error: unknown): boolean {
  return (
    ClientError.is(error, "AlreadyExists") ||
    (error as { code?: unknown } | null)?.code === Code.AlreadyExists
  );
}
