/** What every call of the port takes. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}
