/** Which of a task's three streams. */
export type StdioField = "stdin" | "stdout" | "stderr";

/**
 * Why stdio could not be had.
 * - `invalid`: the value can never work (malformed, unsafe path);
 * - `unsupported`: well-formed, but not something this shim does;
 * - `unavailable`: what it names is not there or does not answer;
 * - `timeout`: it did not answer in time.
 */
export type StdioFault = "invalid" | "unsupported" | "unavailable" | "timeout";

/** What containerd's client asked for as a task's stdio cannot be had. */
export class StdioError extends Error {
  override readonly name = "StdioError";
  readonly fault: StdioFault;
  readonly field: StdioField;
  /** The path or URI as the client gave it. */
  readonly value: string;

  constructor(fault: StdioFault, field: StdioField, value: string, detail: string, cause?: unknown) {
    super(`cannot open ${field} "${value}": ${detail}`, cause === undefined ? undefined : { cause });
    this.fault = fault;
    this.field = field;
    this.value = value;
  }
}

/** The code of a Node system error (`EPIPE`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
