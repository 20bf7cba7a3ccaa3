/** Events that shims append to a file, from now on. */
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { timestampFromText, timestampToDate } from "../../../protos/timestamp.ts";
import type { EventLine } from "../../events/file-transport.ts";
import type { EngineEvent } from "../engine.ts";
import { followFile } from "../io/follow.ts";

export async function* directEvents(path: string, signal: AbortSignal): AsyncGenerator<EngineEvent> {
  const offset = (await stat(path).catch(() => undefined))?.size ?? 0;
  const end = signal.aborted ? Promise.resolve() : once(signal, "abort");
  let rest = "";
  for await (const piece of followFile(path, { offset, end })) {
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
