/** How a replay says that the host did something else than it did when it was recorded. */
import { stringifyJson } from "../json.ts";
import type { TraceLine } from "./format.ts";

/** The host left the recording: what was expected, and what came instead. */
export class TraceDeviation extends Error {
  override readonly name = "TraceDeviation";
}

/** Documents are long. */
const LONGEST = 300;

/** A line as people read it: `call 12: computeSystem-4.modify({"ResourcePath":…})`. */
export function describeLine(line: TraceLine): string {
  switch (line.kind) {
    case "backend":
      return `backend ${line.result.handle}`;
    case "call":
      return `call ${line.call}: ${describeCall(line.on, line.method, line.args)}`;
    case "abort":
      return `the signal of call ${line.call} fires`;
    case "answer":
      return `answer to call ${line.call}`;
    case "settled":
    case "told":
      return `${line.on}.${line.name}`;
    case "data":
      return `${line.stream}: the ${line.from} writes ${shorten(line.text ?? line.base64 ?? `${line.bytes ?? 0} bytes`)}`;
    case "end":
      return `${line.stream}: the ${line.from} ends its direction`;
    case "destroy":
      return `${line.stream}: the ${line.from} destroys it`;
  }
}

export function describeCall(on: string, method: string, args: readonly unknown[]): string {
  return `${on}.${method}(${shorten(args.map((argument) => stringifyJson(argument ?? null)).join(", "))})`;
}

function shorten(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}
