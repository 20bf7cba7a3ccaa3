/** What tasks report, as containerd's event messages, in the order it happens. */
import type { CreateTaskRequest } from "../../protos/gen/task-v2.ts";
import {
  TaskCreate,
  TaskDelete,
  TaskExecAdded,
  TaskExecStarted,
  TaskExit,
  TaskIO,
  TaskOOM,
  TaskPaused,
  TaskResumed,
  TaskStart,
} from "../../protos/gen/events.ts";
import { timestampFromDate } from "../../protos/timestamp.ts";
import type { MessageType } from "../../protos/types.ts";
import type { TaskEvents } from "../task/environment.ts";
import type { Task } from "../task/task.ts";

/** Takes events; delivers them later, in this order. */
export type Publish = <T>(type: MessageType<T>, message: Partial<T>) => void;

export interface EventSink extends TaskEvents {
  created(task: Task, request: CreateTaskRequest): void;
}

export function taskEvents(publish: Publish): EventSink {
  const at = (ms: number) => timestampFromDate(new Date(ms));
  return {
    created: (task, request) =>
      publish(TaskCreate, {
        containerId: task.id,
        bundle: task.bundle,
        rootfs: request.rootfs,
        io: TaskIO.create({ ...task.init.paths, terminal: task.init.terminal }),
        checkpoint: request.checkpoint,
        pid: task.init.pid,
      }),
    started: (task, pid) => publish(TaskStart, { containerId: task.id, pid }),
    execAdded: (task, exec) => publish(TaskExecAdded, { containerId: task.id, execId: exec.id }),
    execStarted: (task, exec) =>
      publish(TaskExecStarted, { containerId: task.id, execId: exec.id, pid: exec.pid }),
    // The id of init's exit is the task's, not empty: clients look it up.
    exited: (task, exec, { pid, status, at: when }) =>
      publish(TaskExit, { containerId: task.id, id: exec.id, pid, exitStatus: status, exitedAt: at(when) }),
    deleted: (task, exec, { pid, status, at: when }) =>
      publish(TaskDelete, {
        containerId: task.id,
        pid,
        exitStatus: status,
        exitedAt: at(when),
        id: exec.isInit ? "" : exec.id,
      }),
    oom: (task) => publish(TaskOOM, { containerId: task.id }),
    paused: (task) => publish(TaskPaused, { containerId: task.id }),
    resumed: (task) => publish(TaskResumed, { containerId: task.id }),
  };
}

/** For tasks that are nobody's: the sandbox process of a pod whose sandbox containerd manages itself. */
export const SILENT_EVENTS: TaskEvents = {
  started: () => undefined,
  execAdded: () => undefined,
  execStarted: () => undefined,
  exited: () => undefined,
  deleted: () => undefined,
  oom: () => undefined,
  paused: () => undefined,
  resumed: () => undefined,
};
