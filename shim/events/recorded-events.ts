/** Events of tasks that leave a record before they are told, for whoever takes the tasks over. */
import { CreateTaskRequest } from "../../protos/gen/task-v2.ts";
import type { Clock } from "../clock.ts";
import type { TakeoverRecords } from "../resources/takeover-records.ts";
import type { Exec } from "../task/exec.ts";
import type { EventSink } from "./task-events.ts";

export function recordedEvents(events: EventSink, records: TakeoverRecords, clock: Clock): EventSink {
  const idOf = (exec: Exec): string => (exec.isInit ? "" : exec.id);
  return {
    ...events,
    created: (task, request) => {
      records.created(task.id, task.bundle, CreateTaskRequest.encode(request), clock.now());
      events.created(task, request);
    },
    started: (task, pid) => {
      records.note(task.id, "", { started: { pid, ports: task.init.stdioPorts } });
      events.started(task, pid);
    },
    execStarted: (task, exec) => {
      records.note(task.id, exec.id, { started: { pid: exec.pid, ports: exec.stdioPorts } });
      events.execStarted(task, exec);
    },
    exited: (task, exec, record) => {
      records.note(task.id, idOf(exec), { exit: record });
      events.exited(task, exec, record);
    },
    deleted: (task, exec, record) => {
      records.deleted(task.id, idOf(exec));
      events.deleted(task, exec, record);
    },
  };
}
