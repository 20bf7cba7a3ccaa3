/**
 * The states of tasks and execs as data: which calls each state allows, and where events lead. Code asks
 * {@link verdict}, tests try every cell, docs/states.md is generated from the tables.
 *
 * ```
 * created ──start──► starting ──► running ──process exits──► draining ──output delivered──► exited
 *    │                  │
 *    └──kill, delete────┴──start fails──► exited
 * ```
 */
import type { ErrorCode } from "../errors.ts";

/**
 * - `created`: known, nothing runs
 * - `starting`: the guest has been asked to start it
 * - `running`
 * - `draining`: the process has exited, its last output is on its way to the client
 * - `exited`: exit status known and published; stays until it is deleted
 */
export type ExecState = "created" | "starting" | "running" | "draining" | "exited";

export const EXEC_STATES: readonly ExecState[] = ["created", "starting", "running", "draining", "exited"];

/** Calls that depend on the state of the exec (or init) they name. */
export type ExecVerb = "start" | "kill" | "delete" | "resize" | "closeIo" | "wait" | "state";

/** Calls that depend on the state of the task's init. */
export type TaskVerb = "exec" | "pause" | "resume" | "update" | "pids" | "stats";

/** `ok`, or the error a call is answered with. */
export type Verdict = "ok" | ErrorCode;

type Row<S extends string> = Readonly<Record<S, Verdict>>;

const always: Row<ExecState> = { created: "ok", starting: "ok", running: "ok", draining: "ok", exited: "ok" };
const onlyCreated: Row<ExecState> = {
  created: "ok",
  starting: "WRONG_STATE",
  running: "WRONG_STATE",
  draining: "WRONG_STATE",
  exited: "WRONG_STATE",
};
const onlyRunning: Row<ExecState> = { ...onlyCreated, created: "WRONG_STATE", running: "ok" };

/**
 * Calls on one exec are serialised, so nobody sees `starting` from outside; the column says what holds when
 * the table is asked all the same.
 */
export const EXEC_VERDICTS: Readonly<Record<ExecVerb, Row<ExecState>>> = {
  start: onlyCreated,
  // A created process is simply marked as exited. One that has exited has nobody left to signal.
  kill: { created: "ok", starting: "ok", running: "ok", draining: "PROCESS_GONE", exited: "PROCESS_GONE" },
  // Delete of a draining process waits for the drain.
  delete: { created: "ok", starting: "WRONG_STATE", running: "WRONG_STATE", draining: "ok", exited: "ok" },
  // Ignored unless running: clients resize before they start and after it is over.
  resize: always,
  closeIo: always,
  wait: always,
  state: always,
};

export const TASK_VERDICTS: Readonly<Record<TaskVerb, Row<ExecState>>> = {
  exec: onlyRunning,
  pause: onlyRunning,
  resume: onlyRunning,
  update: { created: "ok", starting: "ok", running: "ok", draining: "WRONG_STATE", exited: "WRONG_STATE" },
  pids: always,
  stats: always,
};

/** Where an event takes an exec. What is not in a row cannot happen in that state. */
export type ExecEvent = "start" | "started" | "failed" | "processExited" | "drained" | "forced";

export const EXEC_TRANSITIONS: Readonly<Record<ExecState, Readonly<Partial<Record<ExecEvent, ExecState>>>>> =
  {
    created: { start: "starting", forced: "exited" },
    starting: { started: "running", failed: "exited" },
    running: { processExited: "draining" },
    draining: { drained: "exited" },
    exited: {},
  };

/** @throws {TypeError} when the event cannot happen in the state: a defect of the caller */
export function nextExecState(state: ExecState, event: ExecEvent): ExecState {
  const next = EXEC_TRANSITIONS[state][event];
  if (next === undefined)
    throw new TypeError(`exec state machine: event ${event} cannot happen in state ${state}`);
  return next;
}

/** How a state appears in State replies (containerd.v1.types.Status). */
export const EXEC_STATUS: Readonly<Record<ExecState, "CREATED" | "RUNNING" | "STOPPED">> = {
  created: "CREATED",
  starting: "CREATED",
  running: "RUNNING",
  draining: "RUNNING",
  exited: "STOPPED",
};

/** Words for a state in errors. */
export const EXEC_STATE_WORDS: Readonly<Record<ExecState, string>> = {
  created: "created, not started",
  starting: "starting",
  running: "running",
  draining: "exiting",
  exited: "stopped",
};
