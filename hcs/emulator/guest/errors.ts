/**
 * Failures of the guest agent. Each becomes the `Result` and error record of a response, so the text must stand
 * alone: the host puts its own action in front of it.
 */
import { UNKNOWN_LINE, type ErrorRecord } from "../../guest/protocol.ts";

/** Result codes a Linux guest answers with. It spells HCS codes from 0x0109 on with the customer bit. */
export const RESULT = {
  notImplemented: 0x8000_4001,
  failed: 0x8000_4005,
  invalidArgument: 0x8007_0057,
  elementNotFound: 0x8007_0490,
  invalidState: 0x8037_0105,
  timeout: 0xc037_0109,
  unsupportedProtocolVersion: 0xc037_010c,
  invalidJson: 0xc037_010d,
  notFound: 0xc037_010e,
  alreadyExists: 0xc037_010f,
  alreadyStopped: 0xc037_0110,
} as const;

export class GuestError extends Error {
  override readonly name = "GuestError";
  /** Unsigned 32 bits. */
  readonly hresult: number;

  constructor(hresult: number, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.hresult = hresult >>> 0;
  }
}

/** Members of a response that reports `error`. Anything without a code of its own is an unspecified failure. */
export function errorMembers(error: unknown): {
  Result: number;
  ErrorMessage: string;
  ErrorRecords: ErrorRecord[];
} {
  const Result = (error instanceof GuestError ? error.hresult : RESULT.failed) | 0;
  const Message = describe(error);
  return {
    Result,
    ErrorMessage: Message,
    ErrorRecords: [{ Result, Message, ModuleName: "gcs", FileName: "", Line: UNKNOWN_LINE }],
  };
}

/** The text of anything thrown, with the texts of its causes. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}
