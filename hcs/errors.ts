/**
 * The one error kind of this layer: a call to the Host Compute Service (or to a guest) that failed.
 * A code never travels alone: hexadecimal form, symbol, sentence and hint go together.
 */
import { describeHresult, formatHresult } from "./hresult.ts";

/** An entry of the `ErrorEvents` list that HCS attaches to a failed operation. */
export interface HcsErrorEvent {
  readonly message: string;
  readonly source?: string;
  readonly provider?: string;
  readonly eventId?: number;
}

export interface HcsErrorInit {
  /** What was attempted, as a verb phrase: `create compute system`. */
  readonly operation: string;
  /** What it was attempted on: a system id, a path, `process 12 of "web"`. */
  readonly target?: string;
  /** The result code, unsigned 32 bits. */
  readonly hresult: number;
  /** What the platform (or guest) said about it. */
  readonly detail?: string;
  /** Instead of the one that goes with the code; empty where the detail says what to do. */
  readonly hint?: string;
  readonly events?: readonly HcsErrorEvent[];
  readonly cause?: unknown;
}

/** A failed call to HCS, to a guest, or to one of their neighbours (storage, network). */
export class HcsError extends Error {
  override readonly name = "HcsError";
  readonly operation: string;
  readonly target: string | undefined;
  readonly hresult: number;
  readonly symbol: string | undefined;
  readonly hint: string | undefined;
  readonly detail: string | undefined;
  readonly events: readonly HcsErrorEvent[];

  constructor(init: HcsErrorInit) {
    const known = describeHresult(init.hresult);
    const target = init.target === undefined ? "" : ` "${init.target}"`;
    const sentence = init.detail ?? known?.sentence ?? "unknown error";
    const events = init.events ?? [];
    const said = events.length === 0 ? "" : ` [${events.map((event) => event.message).join("; ")}]`;
    const hint = init.hint ?? known?.hint ?? "";
    super(
      `cannot ${init.operation}${target}: ${formatHresult(init.hresult)}: ${sentence}${said}${hint === "" ? "" : ` (${hint})`}`,
      init.cause === undefined ? undefined : { cause: init.cause },
    );
    this.operation = init.operation;
    this.target = init.target;
    this.hresult = init.hresult >>> 0;
    this.symbol = known?.symbol;
    this.hint = hint === "" ? undefined : hint;
    this.detail = init.detail;
    this.events = events;
  }
}
