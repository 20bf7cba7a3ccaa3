/**
 * The error kind of this layer. Every code is a row of {@link ERRORS}; docs/errors.md is generated from the rows.
 */

/** gRPC status names, as containerd maps them to its error classes. */
export type RpcStatus =
  | "invalid argument"
  | "not found"
  | "already exists"
  | "failed precondition"
  | "deadline exceeded"
  | "unimplemented"
  | "unavailable"
  | "unknown";

export type ErrorCode =
  | "REQUEST_INVALID"
  | "TASK_NOT_FOUND"
  | "TASK_EXISTS"
  | "EXEC_NOT_FOUND"
  | "EXEC_EXISTS"
  | "PROCESS_GONE"
  | "WRONG_STATE"
  | "SIGNAL_INVALID"
  | "IDENTITY_MISMATCH"
  | "POD_NOT_RUNNING"
  | "NOT_A_TERMINAL"
  | "TERMINAL_STDERR"
  | "BUDGET_EXCEEDED"
  | "VM_LOST"
  | "GUEST_UNFIT"
  | "HOST_UNFIT"
  | "HOST_OUTDATED"
  | "NOT_ISOLATED"
  | "NOT_CHANGEABLE"
  | "DEVICE_UNAVAILABLE"
  | "SHARE_REFUSED"
  | "GUEST_COMMAND_FAILED"
  | "UNSUPPORTED"
  | "RELEASE_FAILED";

export interface ErrorRow {
  readonly status: RpcStatus;
  /** For docs: when it happens and what to do. */
  readonly meaning: string;
}

export const ERRORS: Readonly<Record<ErrorCode, ErrorRow>> = {
  REQUEST_INVALID: {
    status: "invalid argument",
    meaning: "a member of the request is missing or malformed; the message names it",
  },
  TASK_NOT_FOUND: {
    status: "not found",
    meaning: "this shim has no task with that id, or it has been deleted",
  },
  TASK_EXISTS: { status: "already exists", meaning: "a task with that id was already created in this shim" },
  EXEC_NOT_FOUND: {
    status: "not found",
    meaning: "the task has no exec with that id, or it has been deleted",
  },
  EXEC_EXISTS: {
    status: "already exists",
    meaning: "the task has an exec with that id, or the id is the task's own",
  },
  PROCESS_GONE: {
    status: "not found",
    meaning: "the process has already exited, there is nothing to signal",
  },
  WRONG_STATE: {
    status: "failed precondition",
    meaning: "the task or exec is in a state that does not allow the call; the message names both",
  },
  SIGNAL_INVALID: {
    status: "failed precondition",
    meaning: "the guest's operating system has no such signal",
  },
  IDENTITY_MISMATCH: {
    status: "failed precondition",
    meaning: "the pod annotations of the spec contradict the shim or pod the request came to",
  },
  POD_NOT_RUNNING: {
    status: "failed precondition",
    meaning: "the pod's sandbox is not running, so nothing can be created in it",
  },
  NOT_A_TERMINAL: { status: "failed precondition", meaning: "the process has no terminal to resize" },
  TERMINAL_STDERR: {
    status: "failed precondition",
    meaning: "a process with a terminal has no stderr; leave its path empty",
  },
  BUDGET_EXCEEDED: {
    status: "deadline exceeded",
    meaning: "a phase took longer than its budget; option budgets.<phase> changes it",
  },
  VM_LOST: { status: "unavailable", meaning: "the pod's utility VM or the connection to its guest is gone" },
  HOST_UNFIT: {
    status: "unknown",
    meaning: "the host lacks something the request needs; the message names it",
  },
  NOT_ISOLATED: { status: "unknown", meaning: "the task has no VM of its own that the call could be for" },
  GUEST_UNFIT: { status: "failed precondition", meaning: "the guest lacks a capability the request needs" },
  DEVICE_UNAVAILABLE: {
    status: "unknown",
    meaning: "the VM has no place left for a device, or the place it is to have is taken",
  },
  GUEST_COMMAND_FAILED: {
    status: "unknown",
    meaning: "a command that the shim needs to run in the VM did not succeed; the message has its output",
  },
  SHARE_REFUSED: {
    status: "unknown",
    meaning: "the pod does not let files of the host be shared with its VM in this way",
  },
  HOST_OUTDATED: {
    status: "failed precondition",
    meaning: "this build of Windows is too old for the request",
  },
  NOT_CHANGEABLE: {
    status: "unknown",
    meaning: "limits of this kind of container are set when it is created, and stay",
  },
  UNSUPPORTED: { status: "unimplemented", meaning: "this platform or this kind of task cannot do it" },
  RELEASE_FAILED: {
    status: "unknown",
    meaning:
      "something the task held could not be released; its journal keeps it, and Delete may be repeated",
  },
};

/** A request the shim refuses or cannot finish. */
export class ShimError extends Error {
  override readonly name = "ShimError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Anything that was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}
