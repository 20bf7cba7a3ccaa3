/**
 * The error kind of this layer: an OCI spec, an annotation or a runtime option that cannot be followed.
 */

export interface SpecErrorInit {
  /** JSON pointer of the member at fault (RFC 6901), or the annotation key or option name. */
  readonly at: string;
  /** What is wrong with it, to be read after a colon: `must be a string`. */
  readonly rule: string;
  /** The value found; it goes into the message shortened. */
  readonly value?: unknown;
  /** The class containerd knows it by, where it has one. */
  readonly refusal?: Refusal;
  readonly cause?: unknown;
}

/** Classes of refusals that clients tell apart; everything else is just an error to them. */
export type Refusal = "invalid argument" | "failed precondition" | "not found";

/** An input that cannot be translated. The message names the place, the value and the rule. */
export class SpecError extends Error {
  override readonly name = "SpecError";
  readonly at: string;
  readonly rule: string;
  readonly value: unknown;
  readonly refusal: Refusal | undefined;

  constructor(init: SpecErrorInit) {
    const found = init.value === undefined ? "" : ` (found ${shorten(init.value)})`;
    super(
      `invalid ${init.at}: ${init.rule}${found}`,
      init.cause === undefined ? undefined : { cause: init.cause },
    );
    this.at = init.at;
    this.rule = init.rule;
    this.value = init.value;
    this.refusal = init.refusal;
  }
}

const LONGEST_VALUE = 120;

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? typeof value;
  return text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE)}…`;
}

/** What kinds of things are told and then done differently from what was asked for. */
export type WarningKind =
  /** An annotation's value cannot be read: its default holds. */
  | "annotation-unparsable"
  /** As before, of a list of numbers: none of its elements counts. */
  | "annotation-list-unparsable"
  | "annotation-expansion-conflict"
  | "host-process-enabled-and-disabled"
  | "memory-aligned-to-even-MB"
  | "processor-count-clamped-to-available"
  | "registry-value-rejected"
  | "hv-socket-entry-rejected"
  | "numa-incomplete"
  | "pod-device-type-skipped"
  /** No network matches the name asked for: another one is taken. */
  | "network-not-matched"
  /** A static setting that neither the endpoint nor the guest can have. */
  | "network-setting-lost";

/** Something in the input that was not followed, though the rest could be. */
export interface SpecWarning {
  readonly kind: WarningKind;
  /** For kinds with several reasons: which one. */
  readonly why?: string;
  /** As {@link SpecErrorInit.at}. */
  readonly at: string;
  readonly message: string;
  readonly value?: string;
  /** Of an annotation's value: the type it was read as. */
  readonly expected?: string;
}
