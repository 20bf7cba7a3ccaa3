/** What calls are answered when they fail. */
import { HcsError } from "../../../hcs/errors.ts";
import type { Answer } from "./call.ts";

const E_FAIL = 0x8000_4005;

/** An error of the machine, as the service reports it. */
export function answerOf(error: unknown, violation: (what: string) => void): Answer & { hresult: number } {
  if (error instanceof HcsError) {
    const ErrorMessage = error.detail ?? error.message;
    return {
      hresult: error.hresult,
      document: JSON.stringify({ Error: error.hresult | 0, ErrorMessage, ErrorEvents: eventsOf(error) }),
    };
  }
  violation(`the machine failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return { hresult: E_FAIL };
}

/** What a fault answers. */
export function refusal(hresult: number, document: string | undefined): Answer & { hresult: number } {
  return { hresult, ...(document === undefined ? {} : { document }) };
}

function eventsOf(error: HcsError): object[] | undefined {
  if (error.events.length === 0) return undefined;
  return error.events.map(({ message, source, provider, eventId }) => ({
    Message: message,
    Source: source,
    Provider: provider,
    EventId: eventId,
  }));
}
