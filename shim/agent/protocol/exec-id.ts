/** Ids of execs: callers choose them, and agents name directories by them. */
import { randomBytes } from "node:crypto";
import { componentProblem } from "../paths/components.ts";
import { AgentError } from "./errors.ts";

const EXEC_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}(?:\.[A-Za-z0-9_-]{1,32})?$/;

/** @throws {AgentError} for an id that could not be the name of a directory on every platform */
export function checkExecId(id: string): void {
  if (EXEC_ID.test(id) && componentProblem(id) === undefined) return;
  throw new AgentError(
    "invalid argument",
    `exec id ${JSON.stringify(id)} must be letters, digits, "-" and "_", at most 64, and no device name`,
  );
}

/** A fresh id. All have one length: paths with it in them end up in what compilers write. */
export function newExecId(): string {
  return `x${randomBytes(8).toString("hex")}`;
}
