/** What native functions answer, as errors of the port. */
import { HcsError, type HcsErrorEvent } from "../../errors.ts";
import { hresultFromWin32, splitHresult } from "../../hresult.ts";
import { parseJson } from "../../json.ts";

/** What was attempted, for the message of the error. */
export interface Attempt {
  /** A verb phrase: `start compute system`. */
  readonly operation: string;
  readonly target?: string;
}

/**
 * Throws when an HRESULT is a failure.
 *
 * @param hresult as returned: signed or unsigned
 * @param document what the function said about it: `{"Error", "ErrorMessage", "ErrorEvents"}`, or anything else
 * @throws {HcsError}
 */
export function requireSuccess(hresult: number, attempt: Attempt, document?: string): void {
  if (splitHresult(hresult).failed) throw failure(hresult, attempt, document);
}

/** The error of a failed call. */
export function failure(hresult: number, attempt: Attempt, document?: string): HcsError {
  return new HcsError({ ...attempt, hresult: hresult >>> 0, ...readErrorDocument(document) });
}

/** The error of a function that reports by GetLastError. */
export function win32Failure(error: number, attempt: Attempt): HcsError {
  return new HcsError({ ...attempt, hresult: hresultFromWin32(error) });
}

/** Reads a result document. What is no error document is quoted: it is all there is to go by. */
export function readErrorDocument(text: string | undefined): {
  detail?: string;
  events?: readonly HcsErrorEvent[];
} {
  if (text === undefined || text.trim() === "") return {};
  let document: unknown;
  try {
    document = parseJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return { detail: text };
    throw error;
  }
  if (typeof document !== "object" || document === null) return { detail: text };
  const { ErrorMessage: message, ErrorEvents: list } = document as Record<string, unknown>;
  const events = Array.isArray(list) ? list.flatMap(readEvent) : [];
  return {
    ...(typeof message === "string" && message !== "" ? { detail: message } : {}),
    ...(events.length > 0 ? { events } : {}),
  };
}

function readEvent(value: unknown): HcsErrorEvent[] {
  if (typeof value !== "object" || value === null) return [];
  const { Message, Source, Provider, EventId } = value as Record<string, unknown>;
  if (typeof Message !== "string") return [];
  return [
    {
      message: Message,
      ...(typeof Source === "string" ? { source: Source } : {}),
      ...(typeof Provider === "string" ? { provider: Provider } : {}),
      ...(typeof EventId === "number" ? { eventId: EventId } : {}),
    },
  ];
}
