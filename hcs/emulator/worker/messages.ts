/**
 * What passes over a handle to a compute system: newline-delimited JSON, host to worker and back. Free of
 * dependencies, because both sides import it.
 *
 * A handle is an open connection: the creator's (inherited as file descriptor 3) or one accepted on the control
 * socket. A handle opened late first hears every event so far, so that `created` and `started` reach it too.
 */

/** Host to worker. */
export type HandleRequest =
  | { readonly op: "start" }
  /**
   * To a worker that was booted ahead (`spare.ts`), by its creator alone and as the first request: it is that of the system in
   * `directory`, whose shares have been sent as a descriptor.
   */
  | { readonly op: "become"; readonly directory: string };

/** Worker to host. `exit` is the last line, sent only when the system ends by itself. */
export type HandleEvent =
  /** The worker has built its view and can be started. */
  | { readonly event: "created" }
  /** The guest is booting. Not that it has dialled: that is seen on the HvSocket. */
  | { readonly event: "started" }
  | { readonly event: "exit"; readonly exitType: WorkerExitType; readonly reason?: string };

export type WorkerExitType = "GracefulExit" | "ForcedExit" | "UnexpectedExit";

/** First argument of a worker that is told later which system it is; the state directory follows. */
export const SPARE_FLAG = "--spare";

/** What `ps` shows of one that has booted and waits. */
export const SPARE_TITLE = "runhcs-vm-worker spare";

export function encodeLine(message: HandleRequest | HandleEvent): string {
  return `${JSON.stringify(message)}\n`;
}

/** Splits a stream of text into its lines, whatever its chunks are. Empty lines are left out. */
export class LineSplitter {
  #rest = "";

  push(chunk: string): string[] {
    const lines = (this.#rest + chunk).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.filter((line) => line !== "");
  }
}

/** Undefined for a line that is no message of this version. */
export function parseHandleRequest(line: string): HandleRequest | undefined {
  const value = parseObject(line);
  const directory = value?.["directory"];
  switch (value?.["op"]) {
    case "start":
      return { op: "start" };
    case "become":
      return typeof directory === "string" ? { op: "become", directory } : undefined;
    default:
      return undefined;
  }
}

/** Undefined for a line that is no message of this version. */
export function parseHandleEvent(line: string): HandleEvent | undefined {
  const value = parseObject(line);
  switch (value?.["event"]) {
    case "created":
    case "started":
      return { event: value["event"] };
    case "exit": {
      const exitType = EXIT_TYPES.find((type) => type === value["exitType"]);
      if (exitType === undefined) return undefined;
      const reason = value["reason"];
      return typeof reason === "string" ? { event: "exit", exitType, reason } : { event: "exit", exitType };
    }
    default:
      return undefined;
  }
}

const EXIT_TYPES: readonly WorkerExitType[] = ["GracefulExit", "ForcedExit", "UnexpectedExit"];

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    // Not JSON: no message. The caller reports the line.
    return undefined;
  }
}
