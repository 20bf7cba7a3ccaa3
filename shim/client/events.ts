/** What happens to containers, in the library's words. */
import * as events from "../../protos/gen/events.ts";
import type { Any } from "../../protos/gen/google.ts";
import type { MessageType } from "../../protos/types.ts";
import { typeNameOf } from "../../protos/any.ts";
import type { EngineEvent } from "./engine.ts";

export type ContainerEvent = {
  readonly at: Date;
  readonly containerId: string;
} & (
  | { readonly type: "created" | "paused" | "resumed" | "out-of-memory" }
  | { readonly type: "started"; readonly pid: number }
  /** A process has ended; `processId` is the container's id for its own. */
  | { readonly type: "exited"; readonly processId: string; readonly pid: number; readonly exitCode: number }
  | { readonly type: "deleted"; readonly exitCode: number }
  | { readonly type: "process-added"; readonly processId: string }
  | { readonly type: "process-started"; readonly processId: string; readonly pid: number }
);

type Reading = (message: Any) => Omit<ContainerEvent, "at">;

function row<T>(type: MessageType<T>, read: (message: T) => Omit<ContainerEvent, "at">): [string, Reading] {
  return [type.typeName, (any) => read(type.decode(any.value))];
}

const READINGS: ReadonlyMap<string, Reading> = new Map([
  row(events.TaskCreate, ({ containerId }) => ({ type: "created", containerId })),
  row(events.TaskStart, ({ containerId, pid }) => ({ type: "started", containerId, pid })),
  row(events.TaskExit, ({ containerId, id, pid, exitStatus }) => ({
    type: "exited",
    containerId,
    processId: id,
    pid,
    exitCode: exitStatus,
  })),
  row(events.TaskDelete, ({ containerId, exitStatus }) => ({
    type: "deleted",
    containerId,
    exitCode: exitStatus,
  })),
  row(events.TaskOOM, ({ containerId }) => ({ type: "out-of-memory", containerId })),
  row(events.TaskPaused, ({ containerId }) => ({ type: "paused", containerId })),
  row(events.TaskResumed, ({ containerId }) => ({ type: "resumed", containerId })),
  row(events.TaskExecAdded, ({ containerId, execId }) => ({
    type: "process-added",
    containerId,
    processId: execId,
  })),
  row(events.TaskExecStarted, ({ containerId, execId, pid }) => ({
    type: "process-started",
    containerId,
    processId: execId,
    pid,
  })),
]);

/** Events of kinds the library does not know are left out. */
export async function* containerEvents(source: AsyncIterable<EngineEvent>): AsyncGenerator<ContainerEvent> {
  for await (const { at, event } of source) {
    const reading = READINGS.get(typeNameOf(event.typeUrl));
    if (reading !== undefined) yield { at, ...reading(event) } as ContainerEvent;
  }
}
