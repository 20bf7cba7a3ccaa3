/** Bytes that are no protobuf encoding, or a value that has none. */
export class WireError extends Error {
  override readonly name = "WireError";
  /** What is wrong, without the position and the type: `varint is longer than 10 bytes`. */
  readonly reason: string;
  /** Where in the bytes, counted from the start of what was decoded; `undefined` for an error of encoding. */
  readonly offset: number | undefined;

  constructor(
    message: string,
    init: { readonly reason: string; readonly offset?: number; readonly cause?: unknown },
  ) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.reason = init.reason;
    this.offset = init.offset;
  }
}
