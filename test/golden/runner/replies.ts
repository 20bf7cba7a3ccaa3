/** Responses and events as JSON in the form of the golden results: members at their zero left out, moments too. */
import { typeNameOf } from "../../../protos/any.ts";
import type { Any, Timestamp } from "../../../protos/gen/google.ts";
import { Status } from "../../../protos/gen/types.ts";
import { knownTypes } from "../../../protos/known-types.ts";
import { timestampToDate } from "../../../protos/timestamp.ts";
import type { Json } from "../../../hcs/scripted/platform.ts";
import type { TraceEntry } from "../../../hcs/scripted/recorder.ts";

/** When something happened here and now; nobody can expect it. */
const MOMENTS: ReadonlySet<string> = new Set(["exitedAt"]);

export function replyJson(message: object): Json {
  return members(message);
}

function members(message: object): Json {
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(message) as [string, unknown][]) {
    if (MOMENTS.has(name) || isZero(value)) continue;
    shown[name] = name === "status" && typeof value === "number" ? statusName(value) : json(value);
  }
  return shown;
}

function json(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(json);
  if (typeof value !== "object" || value === null) return value;
  if (isTimestamp(value)) return timestampToDate(value).toISOString().replace(".000Z", "Z");
  if (isAny(value)) return anyJson(value);
  return members(value);
}

function anyJson(any: Any): Json {
  const type = knownTypes.lookup(any.typeUrl);
  if (type === undefined) return { "@type": typeNameOf(any.typeUrl), value: json(any.value) };
  return { "@type": type.typeName, ...members(type.decode(any.value) as object) };
}

function isZero(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === false) return true;
  if (value === 0 || value === 0n) return true;
  return Array.isArray(value) ? value.length === 0 : value instanceof Uint8Array && value.length === 0;
}

function isAny(value: object): value is Any {
  return "typeUrl" in value && "value" in value && value.value instanceof Uint8Array;
}

function isTimestamp(value: object): value is Timestamp {
  return "seconds" in value && typeof value.seconds === "bigint" && "nanos" in value;
}

function statusName(status: number): string {
  return Object.entries(Status).find(([, number]) => number === status)?.[0] ?? String(status);
}

/** Topic of an event → its members that a trace shows, and under which names. */
const EVENTS: Readonly<
  Record<string, { readonly topic: string; readonly members: Readonly<Record<string, string>> }>
> = {
  TaskCreate: {
    topic: "/tasks/create",
    members: { bundle: "Bundle", containerId: "ContainerID", pid: "Pid" },
  },
  TaskStart: { topic: "/tasks/start", members: { containerId: "ContainerID", pid: "Pid" } },
  TaskExecAdded: { topic: "/tasks/exec-added", members: { containerId: "ContainerID", execId: "ExecID" } },
  TaskExecStarted: {
    topic: "/tasks/exec-started",
    members: { containerId: "ContainerID", execId: "ExecID", pid: "Pid" },
  },
  TaskExit: {
    topic: "/tasks/exit",
    members: { containerId: "ContainerID", exitStatus: "ExitStatus", id: "ID", pid: "Pid" },
  },
  TaskDelete: {
    topic: "/tasks/delete",
    members: { containerId: "ContainerID", exitStatus: "ExitStatus", id: "ID", pid: "Pid" },
  },
  TaskOOM: { topic: "/tasks/oom", members: { containerId: "ContainerID" } },
};

/** An event as a trace shows it. @param typeName of its message */
export function eventEntry(typeName: string, message: object): TraceEntry {
  const shape = EVENTS[typeName.slice(typeName.lastIndexOf(".") + 1)];
  if (shape === undefined) return { call: "Event", topic: typeName, event: members(message) };
  const event = Object.entries(shape.members).map(([member, name]) => [name, (message as Json)[member]]);
  return { call: "Event", event: Object.fromEntries(event) as Json, topic: shape.topic };
}
