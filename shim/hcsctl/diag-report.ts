/** What a shim says about itself, as tables. */
import type { RunningPhase, TimelineEntry } from "../phases/timeline.ts";
import type { GuestLogLine } from "../pod/vm/guest-log-tail.ts";
import type { PodReport, ShimReport } from "../service/diag-service.ts";
import { formatTable, type Column } from "./table.ts";

export function reportText(report: ShimReport, show: { readonly document: boolean }): string {
  const { id, pid, namespace, backend, pods, running, phases, events } = report;
  const parts = [
    `shim of ${namespace}/${id}: process ${pid}, backend ${backend}\n`,
    ...pods.map((pod) => podText(pod, show.document)),
    section("in progress", RUNNING, running.map(runningRow)),
    section("last phases", PHASES, phases.map(phaseRow)),
    section(
      "last events",
      EVENTS,
      events.map(({ at, event, task, exec, pid: of, status }) => [
        time(at),
        event,
        subject(task, exec),
        of === undefined ? "" : String(of),
        status === undefined ? "" : String(status),
      ]),
    ),
  ];
  return parts.join("\n");
}

export function phaseTable(entries: readonly TimelineEntry[]): string {
  return formatTable(PHASES, entries.map(phaseRow));
}

function podText({ id, vm, tasks }: PodReport, withDocument: boolean): string {
  const processes = tasks.flatMap((task) =>
    task.processes.map(({ id: exec, pid, state, exit }) => [
      subject(task.id, exec === task.id ? undefined : exec),
      String(pid),
      state,
      exit === undefined ? "" : String(exit.status),
      exit === undefined ? "" : time(exit.at),
    ]),
  );
  const holdings = tasks.flatMap((task) =>
    task.holds.map(({ kind, key, data }) => [task.id, kind, key, JSON.stringify(data)]),
  );
  return [
    `pod ${id}: ${vm === undefined ? "no VM" : `VM ${vm.id} is ${vm.state}`}\n`,
    ...(withDocument && vm !== undefined ? [`${JSON.stringify(vm.document, null, 2)}\n`] : []),
    section("processes", PROCESSES, processes),
    section("held, oldest first", HOLDINGS, holdings),
    ...(vm === undefined
      ? []
      : [section("last lines of the guest's log", LOG, vm.log.slice(-LOG_LINES).map(logRow))]),
  ].join("\n");
}

const NUMBER = (title: string): Column => ({ title, align: "right" });

const PROCESSES: readonly Column[] = [
  { title: "PROCESS" },
  NUMBER("PID"),
  { title: "STATE" },
  NUMBER("EXIT"),
  { title: "EXITED" },
];
const HOLDINGS: readonly Column[] = [
  { title: "TASK" },
  { title: "KIND" },
  { title: "KEY" },
  { title: "WHAT" },
];
const LOG: readonly Column[] = [{ title: "GUEST'S TIME" }, { title: "LEVEL" }, { title: "TEXT" }];
/** Of those in a report: as many as one screen has room for. */
const LOG_LINES = 20;

function logRow({ time: at = "", level, text }: GuestLogLine): string[] {
  return [at, level, text];
}

const EVENTS: readonly Column[] = [
  { title: "TIME" },
  { title: "EVENT" },
  { title: "PROCESS" },
  NUMBER("PID"),
  NUMBER("EXIT"),
];
const RUNNING: readonly Column[] = [
  { title: "SINCE" },
  { title: "TASK" },
  { title: "VERB" },
  { title: "PHASE" },
];
const PHASES: readonly Column[] = [
  { title: "TIME" },
  { title: "TASK" },
  { title: "VERB" },
  { title: "PHASE" },
  NUMBER("MS"),
  { title: "OUTCOME" },
];

function runningRow({ startedAt, task, exec, verb, phase }: RunningPhase): string[] {
  return [time(startedAt), subject(task, exec), verb, phase];
}

function phaseRow({ durationMs, failure, ...begun }: TimelineEntry): string[] {
  return [...runningRow(begun), durationMs.toFixed(1), failure ?? "ok"];
}

function section(title: string, columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  return `${title}:\n${rows.length === 0 ? "  none\n" : formatTable(columns, rows)}`;
}

function subject(task: string, exec: string | undefined): string {
  return exec === undefined ? task : `${task}/${exec}`;
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
