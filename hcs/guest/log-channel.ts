/**
 * The guest's log stream (port 109): JSON objects one after the other, as the Linux agent's logger writes
 * them. When something else comes, such as the dump of an agent that panicked, the rest of the stream is one
 * text.
 */
import type { Readable } from "node:stream";
import { parseJson } from "../json.ts";
import { report } from "./diagnostics.ts";
import { GrowingBuffer } from "./growing-buffer.ts";

export type GuestLogLevel = "error" | "warning" | "info" | "debug" | "trace";

export interface GuestLogRecord {
  readonly level: GuestLogLevel;
  readonly message: string;
  /** The guest's clock, RFC 3339 with nanoseconds; absent when the guest gave none. */
  readonly time?: string;
  /** Everything else of the line. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface GuestLogHandlers {
  readonly onRecord: (record: GuestLogRecord) => void;
  /** The text that was not a log line, once, at the end of the stream: what the guest said as it ended. */
  readonly onTerminated: (text: string) => void;
}

const MAX_RECORD_BYTES = 1024 * 1024;
/** The beginning of a dump tells why; the rest of a long one is counted. */
const MAX_TEXT_BYTES = 64 * 1024;

/** The agent's levels; a host does not end when its guest is fatal. */
const LEVELS: ReadonlyMap<unknown, GuestLogLevel> = new Map([
  ["panic", "error"],
  ["fatal", "error"],
  ["error", "error"],
  ["warning", "warning"],
  ["warn", "warning"],
  ["info", "info"],
  ["debug", "debug"],
  ["trace", "trace"],
]);

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const WHITESPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** Bytes of the log stream to records, for any split of the bytes. */
export class GuestLogDecoder {
  readonly #handlers: GuestLogHandlers;
  /** The object under way, or after the first undecodable byte the text. */
  readonly #pending: GrowingBuffer = new GrowingBuffer();
  #isText = false;
  #droppedBytes = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(handlers: GuestLogHandlers) {
    this.#handlers = handlers;
  }

  push(chunk: Uint8Array): void {
    let start = 0;
    for (let at = 0; at < chunk.length && !this.#isText; at++) {
      const byte = chunk[at] ?? 0;
      if (this.#depth === 0) {
        start = at;
        if (byte === OPEN_BRACE) this.#depth = 1;
        else if (!WHITESPACE.has(byte)) this.#isText = true;
      } else if (this.#closes(byte)) {
        this.#pending.append(chunk.subarray(start, at + 1));
        start = at + 1;
        this.#endObject();
      }
    }
    if (this.#isText) this.#collectText(chunk.subarray(start));
    else if (this.#depth > 0) this.#collectObject(chunk.subarray(start));
  }

  /** The stream has ended; an object that was not complete is text. */
  end(): void {
    const pending = this.#pending.take();
    if (pending.length === 0) return;
    const dropped = this.#droppedBytes === 0 ? "" : ` … (${this.#droppedBytes} more bytes)`;
    this.#handlers.onTerminated(`${pending.toString("utf8").trimEnd()}${dropped}`);
  }

  /** Follows one byte inside an object; true when it is the object's last. */
  #closes(byte: number): boolean {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) this.#inString = false;
    } else if (byte === QUOTE) {
      this.#inString = true;
    } else if (byte === OPEN_BRACE) {
      this.#depth++;
    } else if (byte === CLOSE_BRACE) {
      this.#depth--;
    }
    return this.#depth === 0;
  }

  #endObject(): void {
    const record = this.#pending.length > MAX_RECORD_BYTES ? undefined : readRecord(this.#pending.bytes);
    if (record === undefined) {
      this.#turnToText();
      return;
    }
    this.#pending.take();
    this.#handlers.onRecord(record);
  }

  #collectObject(bytes: Uint8Array): void {
    this.#pending.append(bytes);
    if (this.#pending.length > MAX_RECORD_BYTES) this.#turnToText();
  }

  #collectText(bytes: Uint8Array): void {
    const kept = bytes.subarray(0, Math.max(0, MAX_TEXT_BYTES - this.#pending.length));
    this.#pending.append(kept);
    this.#droppedBytes += bytes.length - kept.length;
  }

  #turnToText(): void {
    this.#isText = true;
    this.#collectText(this.#pending.take());
  }
}

/** `undefined` when the text is not JSON after all. */
function readRecord(bytes: Buffer): GuestLogRecord | undefined {
  let line: Record<string, unknown>;
  try {
    line = parseJson(bytes.toString("utf8")) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const { time, level, msg, ...fields } = line;
  const known = LEVELS.get(level);
  return {
    level: known ?? "info",
    message: typeof msg === "string" ? msg : etwText(line),
    ...(typeof time === "string" ? { time } : {}),
    fields: known === undefined && level !== undefined ? { ...fields, level } : fields,
  };
}

/** Lines that come from event tracing carry their text under another name. */
function etwText(line: Readonly<Record<string, unknown>>): string {
  if (line["Source"] !== "ETW") return "";
  const text = line["message"] ?? line["Message"];
  return typeof text === "string" ? text : "";
}

/** How the end of a VM looks to the reader of a socket. */
const END_CODES: ReadonlySet<unknown> = new Set(["ECONNRESET", "ECONNABORTED"]);

/**
 * Reads a guest's log until its end. Resolves when everything has been handed on, also when the connection
 * broke: the log's end is part of a VM's end and must not fail it.
 */
export async function readGuestLog(
  stream: Readable,
  handlers: GuestLogHandlers & { readonly guest: string },
): Promise<void> {
  const decoder = new GuestLogDecoder(handlers);
  try {
    for await (const chunk of stream) decoder.push(chunk as Buffer);
  } catch (error) {
    if (!END_CODES.has((error as NodeJS.ErrnoException).code)) {
      report({ guest: handlers.guest, event: "background-failure", work: "reading the guest's log", error });
    }
  }
  decoder.end();
}
