/** The one place where errors of any kind become RPC status. */
import { SpecError } from "../../oci/errors.ts";
import { DeadlineError } from "../clock.ts";
import { asError, ERRORS, ShimError, type RpcStatus } from "../errors.ts";
import { StdioError, type StdioFault } from "../io/errors.ts";
import { Code, RpcError, withClass } from "../ttrpc/index.ts";

const CODE: Readonly<Record<RpcStatus, number>> = {
  "invalid argument": Code.InvalidArgument,
  "not found": Code.NotFound,
  "already exists": Code.AlreadyExists,
  "failed precondition": Code.FailedPrecondition,
  "deadline exceeded": Code.DeadlineExceeded,
  unimplemented: Code.Unimplemented,
  unavailable: Code.Unavailable,
  unknown: Code.Unknown,
};

/**
 * Anything that was thrown, as what the client is told. Failures of HCS, of a guest and most of a spec have no class
 * of their own for containerd: their text says what happened.
 */
export function toRpcError(thrown: unknown): RpcError {
  if (thrown instanceof RpcError) return thrown;
  const error = asError(thrown);
  const code = codeOf(error);
  // containerd knows classes by the word at the end; it has none for the rest.
  const text = code === Code.Unknown ? error.message : withClass(code, error.message);
  return new RpcError(code, text, { cause: error });
}

function codeOf(error: Error): number {
  if (error instanceof ShimError) return CODE[ERRORS[error.code].status];
  if (error instanceof SpecError && error.refusal !== undefined) return CODE[error.refusal];
  if (error instanceof StdioError) return STDIO_CODE[error.fault];
  if (error instanceof DeadlineError) return Code.DeadlineExceeded;
  return Code.Unknown;
}

const STDIO_CODE: Readonly<Record<StdioFault, number>> = {
  invalid: Code.InvalidArgument,
  unsupported: Code.InvalidArgument,
  unavailable: Code.Unknown,
  timeout: Code.DeadlineExceeded,
};
