/** What people ask a running shim: where its time went, and what it holds. Answers are JSON. */
import { Diag } from "../../protos/gen/diag.ts";
import type { EventLog, LoggedEvent } from "../events/event-log.ts";
import type { RunningPhase, TimelineEntry } from "../phases/timeline.ts";
import type { BoundaryLevel } from "../../oci/boundary/levels.ts";
import type { AgentAddress } from "../pod/agent/agents.ts";
import type { Pod } from "../pod/pod.ts";
import type { GuestLogLine } from "../pod/vm/guest-log-tail.ts";
import type { Holding } from "../resources/journal.ts";
import type { ExitRecord } from "../task/exec.ts";
import type { Task } from "../task/task.ts";
import { boundaryReport } from "./boundary-report.ts";
import type { Calls } from "./calls.ts";
import type { Shim } from "./shim.ts";
import type { ServiceRegistry } from "./task-service.ts";

/** What a shim says about itself. Members may be added from version to version. */
export interface ShimReport {
  readonly pid: number;
  readonly id: string;
  readonly namespace: string;
  readonly backend: string;
  readonly pods: readonly PodReport[];
  /** Phases that have not ended. */
  readonly running: readonly RunningPhase[];
  /** The last phases that have, oldest first. */
  readonly phases: readonly TimelineEntry[];
  /** The last events, oldest first. */
  readonly events: readonly LoggedEvent[];
}

export interface PodReport {
  readonly id: string;
  readonly vm?: VmReport;
  readonly tasks: readonly TaskReport[];
}

export interface VmReport {
  readonly id: string;
  readonly state: string;
  readonly document: object;
  /** The last lines of the guest's log, oldest first. */
  readonly log: readonly GuestLogLine[];
}

export interface TaskReport {
  readonly id: string;
  readonly bundle: string;
  readonly processes: readonly {
    readonly id: string;
    readonly pid: number;
    readonly state: string;
    readonly exit?: ExitRecord;
  }[];
  /** Oldest first. */
  readonly holds: readonly Holding[];
}

export function registerDiagService(server: ServiceRegistry, shim: Shim, calls: Calls, log: EventLog): void {
  const { timeline } = shim.environment;
  server.register(Diag, {
    Timeline: calls.wrap("Timeline", () => ({ json: JSON.stringify(timeline.entries()) })),
    Agent: calls.wrap("Agent", ({ id }) => ({ json: JSON.stringify(describeAgent(shim, id)) })),
    Boundary: calls.wrap("Boundary", ({ id }) => ({
      json: JSON.stringify(boundaryReport(shim.find(id).pod)),
    })),
    Report: calls.wrap("Report", () => ({ json: JSON.stringify(report(shim, log)) })),
  });
}

/** What a caller has to know to work in a container, and to say truthfully where it did. */
export interface AgentReport {
  readonly task: string;
  readonly pod: string;
  readonly isolation: "hyperv" | "process";
  /** Id of the compute system to watch; absent without a VM. */
  readonly vm?: string;
  readonly agent?: AgentAddress;
  /** The boundary level of its pod. */
  readonly level: BoundaryLevel;
  /** That the VM has now. */
  readonly shares: number;
  /** The VM is a process of the emulator. */
  readonly emulated: boolean;
  readonly image: string;
}

function describeAgent(shim: Shim, id: string): AgentReport {
  const { pod, task } = shim.find(id);
  const { uvm } = pod;
  const agent = pod.agentOf(task.id);
  return {
    task: task.id,
    pod: pod.id,
    isolation: uvm === undefined ? "process" : "hyperv",
    ...(uvm === undefined ? {} : { vm: uvm.id }),
    ...(agent === undefined ? {} : { agent }),
    level: pod.boundaryLevel,
    shares: uvm?.boundary.shares.length ?? 0,
    emulated: shim.environment.backend.traits.guestSockets === "unix",
    image: pod.imageOf(task.id),
  };
}

/** Phases that a report has; the whole timeline is a question of its own. */
const LAST_PHASES = 50;

function report(shim: Shim, log: EventLog): ShimReport {
  const { namespace, backend, timeline } = shim.environment;
  return {
    pid: process.pid,
    id: shim.id,
    namespace,
    backend: backend.name,
    pods: shim.pods().map(reportPod),
    running: timeline.running(),
    phases: timeline.entries().slice(-LAST_PHASES),
    events: log.entries(),
  };
}

function reportPod(pod: Pod): PodReport {
  const { uvm } = pod;
  return {
    id: pod.id,
    ...(uvm === undefined
      ? {}
      : { vm: { id: uvm.id, state: uvm.state, document: uvm.document, log: uvm.logTail() } }),
    tasks: pod.tasks().map(reportTask),
  };
}

function reportTask(task: Task): TaskReport {
  return {
    id: task.id,
    bundle: task.bundle,
    processes: task.processes().map(({ id, pid, state, exit }) => ({
      id,
      pid,
      state,
      ...(exit === undefined ? {} : { exit }),
    })),
    holds: task.holdings.list(),
  };
}
