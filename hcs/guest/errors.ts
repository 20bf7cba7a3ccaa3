/** Failures of guest calls as `HcsError`: what was attempted on whom, and what the guest said about it. */
import { HcsError, type HcsErrorEvent } from "../errors.ts";
import { HRESULT } from "../hresult-table.ts";
import {
  NULL_CONTAINER_ID,
  type ErrorRecord,
  type GuestResponse,
  type MessageName,
  type RequestBody,
} from "./protocol.ts";

/** Who a call concerned, in the words of {@link HcsError}. */
export interface CallSubject {
  readonly operation: string;
  readonly target: string;
}

/** Texts and lists of a guest are cut to this: they end up in logs and in messages of 4 MiB at most. */
const MAX_TEXT_LENGTH = 4096;
const MAX_EVENTS = 16;

/** Verb phrase of each message, to be followed by what it is done to. */
const PHRASES: { readonly [Name in MessageName]: string | ((body: RequestBody<Name>) => string) } = {
  Create: "create",
  Start: "start",
  ShutdownGraceful: "shut down",
  ShutdownForced: "terminate",
  ExecuteProcess: "create process in",
  WaitForProcess: (body) => `wait for process ${body.ProcessId} in`,
  SignalProcess: (body) => `signal process ${body.ProcessId} in`,
  ResizeConsole: (body) => `resize console of process ${body.ProcessId} in`,
  GetProperties: "get properties of",
  ModifySettings: ({ Request }) => {
    const resource = "ResourcePath" in Request ? Request.ResourcePath : (Request.ResourceType ?? "resource");
    return `${(Request.RequestType ?? "Add").toLowerCase()} ${resource} in`;
  },
  NegotiateProtocol: "negotiate with",
  DumpStacks: "dump stacks of",
  DeleteContainerState: "delete state of",
  UpdateContainer: "update",
  LifecycleNotification: "notify",
  ModifyServiceSettings: "modify service settings of",
};

/** Says what a request is about; `guestName` stands for the null container. */
export function describeCall<Name extends MessageName>(
  message: Name,
  body: RequestBody<Name>,
  guestName: string,
): CallSubject {
  const phrase = PHRASES[message];
  const verb = typeof phrase === "string" ? phrase : phrase(body);
  const isGuest = body.ContainerId === NULL_CONTAINER_ID || body.ContainerId === "";
  return isGuest
    ? { operation: `${verb} guest`, target: guestName }
    : { operation: `${verb} guest container`, target: body.ContainerId };
}

/** The error of a response whose `Result` is not 0. */
export function guestError(subject: CallSubject, response: GuestResponse): HcsError {
  const detail = meaningful(response.ErrorMessage);
  const events = (response.ErrorRecords ?? [])
    .slice(0, MAX_EVENTS)
    .flatMap((record) => toEvents(record, detail));
  return new HcsError({
    ...subject,
    hresult: (response.Result ?? HRESULT.failed) >>> 0,
    ...(detail === undefined ? {} : { detail }),
    events,
  });
}

/** None for a record that adds nothing to `detail`: guests repeat the message in its first record. */
function toEvents(record: ErrorRecord, detail: string | undefined): HcsErrorEvent[] {
  const message = meaningful(record.Message);
  if (message === undefined || message === detail) return [];
  const source = record.ModuleName ?? "";
  return [source === "" ? { message } : { message, source: cut(source) }];
}

/** Go's text for a bare result code says less than the table's sentence for it. */
const BARE_RESULT = /^HRESULT:? 0x[0-9a-f]{1,8}$/i;

function meaningful(message: string | undefined): string | undefined {
  return message === undefined || message === "" || BARE_RESULT.test(message) ? undefined : cut(message);
}

function cut(message: string): string {
  return message.length <= MAX_TEXT_LENGTH ? message : `${message.slice(0, MAX_TEXT_LENGTH)}…`;
}

/** The guest broke the protocol; `problem` says how. */
export function protocolError(subject: CallSubject, problem: string | Error): HcsError {
  const hresult = HRESULT.protocolError;
  return typeof problem === "string"
    ? new HcsError({ ...subject, hresult, detail: problem })
    : new HcsError({ ...subject, hresult, detail: cut(problem.message), cause: problem });
}

/** The connection is gone, so no answer will come. */
export function connectionClosedError(subject: CallSubject, detail: string, cause?: unknown): HcsError {
  return new HcsError({
    ...subject,
    hresult: HRESULT.connectionClosed,
    detail,
    ...(cause === undefined ? {} : { cause }),
  });
}
