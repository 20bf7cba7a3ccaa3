/**
 * Appends events to a file, a line of JSON each, where no containerd is there to take them (`RUNHCS_EVENTS_FILE`): who wants to
 * know what happens reads along.
 */
import { appendFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Envelope } from "../../protos/gen/types.ts";
import { timestampToText } from "../../protos/timestamp.ts";
import type { EventTransport } from "./delivery.ts";

/** A line of the file. */
export interface EventLine {
  /** RFC 3339. */
  readonly at: string;
  readonly namespace: string;
  /** `/tasks/exit` … */
  readonly topic: string;
  /** Name of the event's message type. */
  readonly type: string;
  /** The message, encoded, in base64. */
  readonly event: string;
}

export class FileTransport implements EventTransport {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async forward({ timestamp, namespace, topic, event }: Envelope): Promise<void> {
    const line: EventLine = {
      at: timestampToText(timestamp ?? { seconds: 0n, nanos: 0 }),
      namespace,
      topic,
      type: event?.typeUrl ?? "",
      event: Buffer.from(event?.value ?? new Uint8Array()).toString("base64"),
    };
    await mkdir(dirname(this.#path), { recursive: true });
    // One write of a short line: lines of several shims do not mix.
    await appendFile(this.#path, `${JSON.stringify(line)}\n`, { mode: 0o600 });
  }

  /** Nothing is open between events. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
