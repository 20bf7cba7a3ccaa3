import { UVM_STATES, UVM_TRANSITIONS } from "../../shim/pod/vm/states.ts";
import { EXEC_STATES, EXEC_TRANSITIONS, EXEC_VERDICTS, TASK_VERDICTS } from "../../shim/task/states.ts";
import { code, document, GENERATED, table } from "./markdown.ts";

/** One row per state, one column per event. */
function transitions<S extends string>(
  states: readonly S[],
  rows: Readonly<Record<S, Readonly<Record<string, string | undefined>>>>,
): string {
  const events = [...new Set(states.flatMap((state) => Object.keys(rows[state])))];
  return table(
    ["in state", ...events.map(code)],
    states.map((state) => [code(state), ...events.map((event) => rows[state][event] ?? "")]),
  );
}

function verdicts(rows: Readonly<Record<string, Readonly<Record<string, string>>>>): string {
  return table(
    ["call", ...EXEC_STATES.map(code)],
    Object.entries(rows).map(([verb, row]) => [code(verb), ...EXEC_STATES.map((state) => row[state] ?? "")]),
  );
}

export function statesDocument(): string {
  return document(
    GENERATED,
    "# States",
    "## Processes (init and execs)",
    transitions(EXEC_STATES, EXEC_TRANSITIONS),
    "## Calls on a process, by its state",
    "`ok`, or the [error](errors.md) the call is refused with.",
    verdicts(EXEC_VERDICTS),
    "## Calls on a task, by the state of its init process",
    verdicts(TASK_VERDICTS),
    "## Utility VMs",
    transitions(UVM_STATES, UVM_TRANSITIONS),
  );
}
