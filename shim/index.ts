/**
 * `containerd-shim-runhcs`: the package's main entry. The parts that stand alone have entries of their own: `./ttrpc`,
 * `./hcs`, `./oci`.
 */
export {
  ANNOTATION_PREFIX,
  OPTIONS,
  type OptionKind,
  type OptionRow,
  type OptionSource,
} from "./options/table.ts";
export { PHASES, type Phase, type PhaseName } from "./phases/table.ts";
export { ERRORS, ShimError, type ErrorCode, type ErrorRow } from "./errors.ts";
export {
  EXEC_STATES,
  EXEC_TRANSITIONS,
  EXEC_VERDICTS,
  TASK_VERDICTS,
  type ExecEvent,
  type ExecState,
  type ExecVerb,
  type TaskVerb,
  type Verdict,
} from "./task/states.ts";
export { VERSION } from "./version.ts";
