/** How work in a container fails, in the words of gRPC: both ends use the same codes, and one error class carries them. */
import { messageOf } from "../../errors.ts";
import { PathRefusal } from "../paths/refusal.ts";

/** Names of gRPC status codes by their numbers (google/rpc/code.proto), as far as agents and their callers use them. */
export const STATUS_NUMBERS = {
  cancelled: 1,
  unknown: 2,
  "invalid argument": 3,
  "deadline exceeded": 4,
  "not found": 5,
  "already exists": 6,
  "resource exhausted": 8,
  "failed precondition": 9,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

export type AgentStatus = keyof typeof STATUS_NUMBERS;

/** What a caller may conclude: may it be tried elsewhere, and has anything run? */
export interface Consequences {
  /** The same work may be given to another container. */
  readonly retryable: boolean;
  /** `none`: nothing was started. */
  readonly sideEffects: "none" | "unknown";
}

const FINAL: Consequences = { retryable: false, sideEffects: "unknown" };

export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly status: AgentStatus;
  readonly consequences: Consequences;

  constructor(
    status: AgentStatus,
    message: string,
    options: { readonly cause?: unknown; readonly consequences?: Consequences } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.consequences = options.consequences ?? FINAL;
  }
}

/** Status of a number on the wire; what is not known is `unknown`. */
export function statusOf(number: number): AgentStatus {
  const entry = Object.entries(STATUS_NUMBERS).find(([, value]) => value === number);
  return (entry?.[0] ?? "unknown") as AgentStatus;
}

/** What went wrong with the files of a process, by the code of the system call. */
const FILE_STATUS: ReadonlyMap<string, AgentStatus> = new Map([
  ["ENOSPC", "resource exhausted"],
  ["EDQUOT", "resource exhausted"],
  ["EMFILE", "resource exhausted"],
  ["ENFILE", "resource exhausted"],
  ["EFBIG", "resource exhausted"],
  // A link, or something else that is no directory, where one has to be: what opening without following says.
  ["ELOOP", "invalid argument"],
  ["ENOTDIR", "invalid argument"],
  ["ENOENT", "failed precondition"],
  ["EACCES", "failed precondition"],
  ["EPERM", "failed precondition"],
  ["EROFS", "failed precondition"],
  ["EISDIR", "invalid argument"],
]);

/** Turns whatever was thrown into an {@link AgentError}. */
export function asAgentError(error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  if (error instanceof PathRefusal)
    return new AgentError("invalid argument", error.message, { cause: error });
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const status = code === undefined ? undefined : FILE_STATUS.get(code);
  return new AgentError(status ?? "internal", messageOf(error), { cause: error });
}
