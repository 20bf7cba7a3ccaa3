/** Access to the recorded conversations with a reference Linux guest (test/golden/gcs). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonBody } from "./scripted-guest.ts";

export const RECORDINGS = [
  "negotiate",
  "lcow-pod-lifecycle",
  "tty-resize-signal",
  "uvm-process",
  "errors",
  "reconnect",
] as const;

export interface RecordedFrame {
  readonly seq: number;
  readonly direction: "host->guest" | "guest->host";
  readonly type: string;
  readonly type_name: string;
  readonly id: number;
  readonly size: number;
  readonly hex_header: string;
  readonly body: JsonBody;
  /** Absent where a stack trace was taken out of the recording. */
  readonly body_utf8?: string;
}

export function readRecording(name: string): readonly RecordedFrame[] {
  const file = join(process.cwd(), "test/golden/gcs", `${name}.json`);
  return (JSON.parse(readFileSync(file, "utf8")) as { frames: RecordedFrame[] }).frames;
}

/** A body in the form in which two of them are compared: JSON texts inside it read, no activity. */
export function comparable(body: JsonBody): JsonBody {
  const { ActivityId: _, ...rest } = body;
  return readTexts(rest) as JsonBody;
}

const JSON_TEXTS: ReadonlySet<string> = new Set(["ContainerConfig", "ProcessParameters", "Query"]);

function readTexts(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      JSON_TEXTS.has(key) && typeof member === "string" ? readText(member) : readTexts(member),
    ]),
  );
}

function readText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
