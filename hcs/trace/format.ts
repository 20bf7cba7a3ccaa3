/**
 * A recording: JSON lines, the first one a header. A line is either something the host did (a call, an abort, bytes it
 * wrote) or something the platform did (an answer, an exit, bytes it sent). Order is the whole of its meaning: what the
 * platform did, it did after everything above had happened.
 */
import type { HcsErrorEvent } from "../errors.ts";
import { parseJson, stringifyJson } from "../json.ts";
import type { InterfaceName } from "./port.ts";

export const TRACE_VERSION = 1;

export interface TraceHeader {
  readonly trace: typeof TRACE_VERSION;
  /** ISO 8601 */
  readonly recorded: string;
}

/** When a line was written: milliseconds since the recording began. For people; a replay does not wait. */
interface Timed {
  readonly ms: number;
}

/** A handle that came into the host's hands, with everything about it that never changes. */
export interface HandleRecord {
  /** Unique in the recording. */
  readonly handle: string;
  readonly is: InterfaceName;
  readonly values: Readonly<Record<string, unknown>>;
  /** Members that are interfaces themselves. */
  readonly parts: Readonly<Record<string, HandleRecord>>;
  /** Byte streams by the name of the member. */
  readonly streams: Readonly<Record<string, string>>;
  /** Optional calls that it has not. */
  readonly lacks: readonly string[];
}

/** An error as it can be made again. */
export type ErrorRecord =
  | {
      readonly hresult: number;
      readonly operation: string;
      readonly target?: string;
      readonly detail?: string;
      readonly events?: readonly HcsErrorEvent[];
    }
  | { readonly name: string; readonly message: string; readonly code?: string };

/** The root of everything: a backend. */
export interface BackendLine extends Timed {
  readonly kind: "backend";
  readonly result: HandleRecord;
}

export interface CallLine extends Timed {
  readonly kind: "call";
  readonly call: number;
  /** Handle. */
  readonly on: string;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** The host gave a call up: its signal fired before the platform had answered. */
export interface AbortLine extends Timed {
  readonly kind: "abort";
  readonly call: number;
}

/** Exactly one of the members, or none: a call that answers nothing. */
export interface AnswerLine extends Timed {
  readonly kind: "answer";
  readonly call: number;
  readonly value?: unknown;
  readonly handle?: HandleRecord;
  readonly stream?: string;
  readonly error?: ErrorRecord;
}

/** A promise of a handle settled. */
export interface SettledLine extends Timed {
  readonly kind: "settled";
  readonly on: string;
  readonly name: string;
  readonly value?: unknown;
  readonly error?: ErrorRecord;
}

/** Listeners of a handle were called back. */
export interface ToldLine extends Timed {
  readonly kind: "told";
  readonly on: string;
  readonly name: string;
}

/** Bytes of a stream. What nobody could write again, as random numbers, has its length alone. */
export interface DataLine extends Timed {
  readonly kind: "data";
  readonly stream: string;
  readonly from: "host" | "platform";
  readonly text?: string;
  readonly base64?: string;
  readonly bytes?: number;
}

/** One direction of a stream ended. */
export interface EndLine extends Timed {
  readonly kind: "end";
  readonly stream: string;
  readonly from: "host" | "platform";
}

/** A stream was destroyed: by the host, or with an error by the platform. */
export interface DestroyLine extends Timed {
  readonly kind: "destroy";
  readonly stream: string;
  readonly from: "host" | "platform";
  readonly error?: ErrorRecord;
}

export type TraceLine =
  BackendLine | CallLine | AbortLine | AnswerLine | SettledLine | ToldLine | DataLine | EndLine | DestroyLine;

type Member = "string" | "number" | "object";

/** What a line of each kind must have to be understood. */
const MEMBERS: Readonly<Record<TraceLine["kind"], Readonly<Record<string, Member>>>> = {
  backend: { result: "object" },
  call: { call: "number", on: "string", method: "string", args: "object" },
  abort: { call: "number" },
  answer: { call: "number" },
  settled: { on: "string", name: "string" },
  told: { on: "string", name: "string" },
  data: { stream: "string", from: "string" },
  end: { stream: "string", from: "string" },
  destroy: { stream: "string", from: "string" },
};

/** What the host did: a replay waits for it. The rest is what the replay does. */
export function isByHost(line: TraceLine): boolean {
  return line.kind === "call" || line.kind === "abort" || ("from" in line && line.from === "host");
}

export function formatLine(line: TraceHeader | TraceLine): string {
  return `${stringifyJson(line)}\n`;
}

/**
 * Reads a recording. A last line without its end is left out: the process that wrote it has died.
 *
 * @throws naming the line that cannot be read, and what is wrong with it
 */
export function parseRecording(text: string): TraceLine[] {
  const [head = "", ...rest] = text.split("\n");
  const header = readObject(head, 1);
  if (header["trace"] !== TRACE_VERSION)
    throw unreadable(1, `trace must be ${TRACE_VERSION} (found ${JSON.stringify(header["trace"])})`);
  return rest.slice(0, -1).map((line, index) => readLine(line, index + 2));
}

function readLine(text: string, number: number): TraceLine {
  const line = readObject(text, number);
  const kind = String(line["kind"]);
  const members = Object.hasOwn(MEMBERS, kind) ? MEMBERS[kind as TraceLine["kind"]] : undefined;
  if (members === undefined)
    throw unreadable(number, `kind is none of ${Object.keys(MEMBERS).join(", ")} (found "${kind}")`);
  for (const [name, type] of Object.entries(members)) {
    const found = line[name];
    if (typeof found !== type || found === null)
      throw unreadable(number, `${name} must be a ${type} (found ${JSON.stringify(found)})`);
  }
  return line as unknown as TraceLine;
}

function readObject(text: string, number: number): Readonly<Record<string, unknown>> {
  let read: unknown;
  try {
    read = parseJson(text);
  } catch (cause) {
    throw unreadable(number, "it is no JSON", cause);
  }
  if (typeof read !== "object" || read === null) throw unreadable(number, "it is no object");
  return read as Readonly<Record<string, unknown>>;
}

function unreadable(line: number, problem: string, cause?: unknown): Error {
  return new Error(`cannot read recording: line ${line}: ${problem}`, cause === undefined ? {} : { cause });
}
