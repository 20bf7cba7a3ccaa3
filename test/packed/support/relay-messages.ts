/** What a test asks of the relay under Wine: a line of JSON each way on its control connection. */

export type RelayRequest =
  /** Dials a pipe; its bytes come on a connection of their own, which begins with a line holding `channel`. */
  | { readonly op: "dial"; readonly path: string; readonly channel: string }
  /** Finds out whether anybody serves a pipe; fails with ENOENT, or with {@link PIPE_BUSY}, which tells nothing. */
  | { readonly op: "probe"; readonly path: string }
  /** Serves a pipe; every client's bytes come on a connection of their own, which begins the same way. */
  | { readonly op: "serve"; readonly path: string; readonly channel: string }
  /** Ends a process at once. */
  | { readonly op: "kill"; readonly pid: number };

/** A request as it is sent. */
export type NumberedRequest = RelayRequest & { readonly id: number };

export interface RelayReply {
  readonly id: number;
  /** Absent: done. Else the code of the system's error, or its message. */
  readonly error?: string;
}

/** The pipe's name exists, and nobody accepts there. */
export const PIPE_BUSY = "busy";

/** Environment variable with the port that the relay dials. */
export const RELAY_PORT = "RUNHCS_RELAY_PORT";
