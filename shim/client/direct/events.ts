/** Events that shims append to a file, from now on. */
import { once } from "node:events";
import { readdir, rename, stat } from "node:fs/promises";
import { timestampFromText, timestampToDate } from "../../../protos/timestamp.ts";
import type { EventLine } from "../../events/file-transport.ts";
import type { EngineEvent } from "../engine.ts";
import { followFile } from "../io/follow.ts";
import type { DirectLayout } from "./engine.ts";

/** A file of events that has become so long is put aside when the last container has gone. */
const LONGEST_BYTES = 4 << 20;

/** Nobody needs what has happened to containers that are gone; who reads along reads the rest where it has been put. */
export async function pruneEvents(
  { events, containers }: Pick<DirectLayout, "events" | "containers">,
  longestBytes: number = LONGEST_BYTES,
): Promise<void> {
  const size = (await stat(events).catch(() => undefined))?.size ?? 0;
  if (size <= longestBytes || (await readdir(containers)).length > 0) return;
  await rename(events, before(events)).catch((error: NodeJS.ErrnoException) => {
    // Another client was faster.
    if (error.code !== "ENOENT") throw error;
  });
}

function before(events: string): string {
  return `${events}.1`;
}

export async function* directEvents(path: string, signal: AbortSignal): AsyncGenerator<EngineEvent> {
  const offset = (await stat(path).catch(() => undefined))?.size ?? 0;
  const end = signal.aborted ? Promise.resolve() : once(signal, "abort");
  let rest = "";
  for await (const piece of followFile(path, { offset, end, before: before(path) })) {
    // Lines are ASCII: no character is cut in two.
    const lines = (rest + piece.toString("latin1")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (signal.aborted) return;
      yield eventOf(JSON.parse(line) as EventLine);
    }
  }
}

function eventOf({ at, topic, type, event }: EventLine): EngineEvent {
  const time = timestampFromText(at);
  return {
    at: time === undefined ? new Date(0) : timestampToDate(time),
    topic,
    event: { typeUrl: type, value: Buffer.from(event, "base64") },
  };
}
