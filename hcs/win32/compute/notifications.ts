/** What notifications say, whichever DLL they come from. */
import type { SystemExit, SystemExitType } from "../../api.ts";
import { createDeferred } from "../../deferred.ts";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { parseJson } from "../../json.ts";
import type { Attempt } from "../ffi/result.ts";
import type { NativeProcessExit } from "./native.ts";

const EXIT_TYPES: readonly string[] = [
  "GracefulExit",
  "ForcedExit",
  "UnexpectedExit",
] satisfies SystemExitType[];

/** The exit of a system, for those that wait for it and those that wait for something else meanwhile. */
export class ExitWatch {
  readonly #exited = createDeferred<SystemExit>();
  readonly #listeners = new Set<(exit: SystemExit) => void>();
  #exit: SystemExit | undefined;

  /** Settles once; never rejects. */
  get exited(): Promise<SystemExit> {
    return this.#exited.promise;
  }

  get exit(): SystemExit | undefined {
    return this.#exit;
  }

  /** The first exit counts. */
  settle(exit: SystemExit): void {
    if (this.#exit !== undefined) return;
    this.#exit = exit;
    this.#exited.resolve(exit);
    for (const listener of this.#listeners) listener(exit);
    this.#listeners.clear();
  }

  /** Not by way of {@link exited}: what listens for a moment must leave nothing behind. @returns stops listening */
  onExit(listener: (exit: SystemExit) => void): () => void {
    if (this.#exit !== undefined) return () => undefined;
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** The compute service has gone: no notification will follow. */
export const SERVICE_DISCONNECTED: SystemExit = {
  status: HRESULT.serviceDisconnect,
  exitType: "ServiceDisconnected",
  reason: "the connection to the Host Compute Service was lost",
};

/**
 * Reads the data of SystemExited: `{"Status", "ExitType", …}`.
 *
 * @param status what is known without the data
 */
export function readSystemExit(data: string | undefined, status: number): SystemExit {
  const { Status, ExitType } = members(data);
  const type = EXIT_TYPES.find((known) => known === ExitType) as SystemExitType | undefined;
  return {
    status: (typeof Status === "number" ? Status : status) >>> 0,
    // A type that this version does not know is not one that anybody asked for.
    exitType: type ?? "UnexpectedExit",
    ...(typeof ExitType === "string" && type === undefined ? { reason: `exit type ${ExitType}` } : {}),
  };
}

/** Reads a process status: `{"ProcessId", "Exited", "ExitCode", "LastWaitResult"}`. Undefined while the process runs. */
export function readProcessExit(data: string | undefined): NativeProcessExit | undefined {
  const { Exited, ExitCode } = members(data);
  if (Exited === false) return undefined;
  return { exitCode: typeof ExitCode === "number" ? ExitCode >>> 0 : undefined };
}

/** The error of an operation whose system ended before it had completed. */
export function endedMeanwhile(exit: SystemExit, attempt: Attempt): HcsError {
  return new HcsError({
    ...attempt,
    hresult: exit.exitType === "ServiceDisconnected" ? HRESULT.serviceDisconnect : HRESULT.unexpectedExit,
    ...(exit.reason === undefined ? {} : { detail: exit.reason }),
  });
}

function members(data: string | undefined): Readonly<Record<string, unknown>> {
  if (data === undefined || data === "") return {};
  try {
    const value = parseJson(data);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch (error) {
    // Said by the platform in a notification: there is nobody to refuse it to.
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
