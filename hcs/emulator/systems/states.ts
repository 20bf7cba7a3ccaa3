/** Which operation a compute system takes in which state. Code, tests of refused calls and documentation read it. */
import type { ComputeSystemState } from "../../api.ts";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";

export type SystemOperation =
  | "shutdown"
  | "createProcess"
  | "openProcess"
  | "start"
  | "terminate"
  | "pause"
  | "resume"
  | "modify"
  | "properties"
  | "pauseHosted"
  | "resumeHosted";

interface OperationRow {
  /** As it reads after "cannot". */
  readonly phrase: string;
  readonly from: readonly ComputeSystemState[];
}

export const OPERATIONS: Readonly<Record<SystemOperation, OperationRow>> = {
  start: { phrase: "start compute system", from: ["Created"] },
  // A VM has no states in which it could be asked: it cannot, and says so.
  shutdown: { phrase: "shut down compute system", from: ["Created", "Running", "Paused"] },
  createProcess: { phrase: "create process in compute system", from: ["Created", "Running", "Paused"] },
  openProcess: { phrase: "open process in compute system", from: ["Created", "Running", "Paused"] },
  terminate: { phrase: "terminate compute system", from: ["Created", "Running", "Paused"] },
  pause: { phrase: "pause compute system", from: ["Running"] },
  resume: { phrase: "resume compute system", from: ["Paused"] },
  modify: { phrase: "modify compute system", from: ["Created", "Running"] },
  properties: { phrase: "query properties of compute system", from: ["Created", "Running", "Paused"] },
  pauseHosted: { phrase: "pause a container in compute system", from: ["Running"] },
  resumeHosted: { phrase: "resume a container in compute system", from: ["Running"] },
};

/** @throws {HcsError} when the operation is not for a system in `state` */
export function requireState(operation: SystemOperation, id: string, state: ComputeSystemState): void {
  const { phrase, from } = OPERATIONS[operation];
  if (from.includes(state)) return;
  throw new HcsError({
    operation: phrase,
    target: id,
    hresult: state === "Stopped" ? HRESULT.systemAlreadyStopped : HRESULT.invalidState,
    detail: `compute system is in state ${state}`,
  });
}
