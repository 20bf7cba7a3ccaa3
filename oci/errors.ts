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
  readonly cause?: unknown;
}

/** An input that cannot be translated. The message names the place, the value and the rule. */
export class SpecError extends Error {
  override readonly name = "SpecError";
  readonly at: string;
  readonly rule: string;
  readonly value: unknown;

  constructor(init: SpecErrorInit) {
    const found = init.value === undefined ? "" : ` (found ${shorten(init.value)})`;
    super(
      `invalid ${init.at}: ${init.rule}${found}`,
      init.cause === undefined ? undefined : { cause: init.cause },
    );
    this.at = init.at;
    this.rule = init.rule;
    this.value = init.value;
  }
}

const LONGEST_VALUE = 120;

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? typeof value;
  return text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE)}…`;
}

/** Something in the input that was not followed, though the rest could be. */
export interface SpecWarning {
  /** As {@link SpecErrorInit.at}. */
  readonly at: string;
  readonly message: string;
  readonly value?: string;
}
