/** Answers about tasks, which containerd and the shim give in messages with the same members. */
import type { Timestamp } from "../../protos/gen/google.ts";
import { Status } from "../../protos/gen/types.ts";
import { timestampToDate } from "../../protos/timestamp.ts";
import type { TaskExit, TaskState, TaskStatus } from "./engine.ts";

/** For errors: which process is meant. */
export function naming(containerId: string, execId = ""): string {
  return execId === "" ? `container "${containerId}"` : `process "${execId}" of container "${containerId}"`;
}

const STATUS: Readonly<Record<number, TaskStatus>> = {
  [Status.CREATED]: "created",
  [Status.RUNNING]: "running",
  [Status.STOPPED]: "stopped",
  [Status.PAUSED]: "paused",
  [Status.PAUSING]: "paused",
};

export function stateOf(process: {
  readonly pid: number;
  readonly status: number;
  readonly exitStatus: number;
  readonly exitedAt?: Timestamp | undefined;
}): TaskState {
  const status = STATUS[process.status] ?? "unknown";
  return { pid: process.pid, status, ...(status === "stopped" ? { exit: exitOf(process) } : {}) };
}

export function exitOf({
  exitStatus,
  exitedAt,
}: {
  readonly exitStatus: number;
  readonly exitedAt?: Timestamp | undefined;
}): TaskExit {
  return { exitCode: exitStatus, exitedAt: dateOf(exitedAt) };
}

export function dateOf(time: Timestamp | undefined): Date {
  return time === undefined ? new Date(0) : timestampToDate(time);
}
