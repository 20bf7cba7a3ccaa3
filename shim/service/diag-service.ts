/** What people ask a running shim: where its time went, and what it holds. Answers are JSON. */
import { Diag } from "../../protos/gen/diag.ts";
import type { Pod } from "../pod/pod.ts";
import type { Task } from "../task/task.ts";
import type { Server } from "../ttrpc/index.ts";
import type { Calls } from "./calls.ts";
import type { Shim } from "./shim.ts";

export function registerDiagService(server: Server, shim: Shim, calls: Calls): void {
  const { timeline } = shim.environment;
  server.register(Diag, {
    Timeline: calls.wrap("Timeline", () => ({ json: JSON.stringify(timeline.entries()) })),
    Report: calls.wrap("Report", () => ({ json: JSON.stringify(report(shim)) })),
  });
}

function report(shim: Shim): object {
  return {
    pid: process.pid,
    id: shim.id,
    namespace: shim.environment.namespace,
    backend: shim.environment.backend.name,
    pods: shim.pods().map(reportPod),
  };
}

function reportPod(pod: Pod): object {
  return {
    id: pod.id,
    vm:
      pod.uvm === undefined
        ? undefined
        : { id: pod.uvm.id, state: pod.uvm.state, document: pod.uvm.document },
    tasks: pod.tasks().map(reportTask),
  };
}

function reportTask(task: Task): object {
  return {
    id: task.id,
    bundle: task.bundle,
    processes: task.processes().map(({ id, pid, state, exit }) => ({ id, pid, state, exit })),
    holds: task.holdings.list(),
  };
}
