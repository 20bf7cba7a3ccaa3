/** A logging program (`binary://`) as a process: how it is started, how it says that it is ready, how it is ended. */
import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import type { Socket } from "node:net";
import { abortable, startDeadline, type Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { StdioError } from "./errors.ts";
import { reportStdio } from "./diagnostics.ts";
import type { LoggerOptions, OpenContext, StdioRequest } from "./upstream.ts";
import { loggerArguments, parseStdioUri, windowsPath } from "./uri.ts";

/** What a `binary://` URI asks for. */
export interface LoggerCommand {
  readonly executable: string;
  readonly args: readonly string[];
  /** `binary-v2`: the logger must say that it is ready; ending without a word is a failure. */
  readonly mustConfirm: boolean;
}

/** Reads the logger of `request` from its stdout URI. */
export function loggerCommand(request: StdioRequest, context: Pick<OpenContext, "transport">): LoggerCommand {
  try {
    const uri = parseStdioUri(request.stdout);
    if (uri.authority !== "") throw new Error(`host "${uri.authority}" in a logger URI`);
    // A relative one would be looked for in the shim's own PATH.
    if (!uri.path.startsWith("/")) throw new Error("no absolute path of a program");
    if (uri.path.includes("\0") || uri.query.flat().some((word) => word.includes("\0"))) {
      throw new Error("a NUL in the path or arguments of a program");
    }
    const executable = context.transport === "named-pipe" ? windowsPath(uri.path) : uri.path;
    return { executable, args: loggerArguments(uri.query), mustConfirm: uri.scheme === "binary-v2" };
  } catch (error) {
    throw new StdioError("invalid", "stdout", request.stdout, messageOf(error), error);
  }
}

export interface LoggerStart {
  readonly command: LoggerCommand;
  readonly request: StdioRequest;
  /** Beyond these, the logger's environment holds only whose output it gets. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdio: StdioOptions;
  readonly budgets: LoggerOptions;
  readonly clock: Clock;
}

/** How a logger announced itself: `confirmed` with a byte, `closed` by just closing its end. */
export type LoggerReadiness = "confirmed" | "closed";

export class LoggerProcess {
  readonly #child: ChildProcess;
  readonly #start: LoggerStart;
  /** Resolves with how the process ended, in words. Never rejects: a program that cannot be run ends at once. */
  readonly #ended: Promise<string>;
  #failure: Error | undefined;
  #over = false;
  #stopping: Promise<void> | undefined;

  constructor(start: LoggerStart) {
    const { command, request, environment = {}, stdio } = start;
    this.#start = start;
    this.#child = spawn(command.executable, command.args, {
      env: {
        CONTAINER_ID: request.execId ?? request.containerId,
        CONTAINER_NAMESPACE: request.namespace,
        ...environment,
      },
      stdio,
      windowsHide: true,
    });
    this.#ended = new Promise((resolve) => {
      this.#child.on("error", (error) => {
        this.#failure ??= error;
        resolve(error.message);
      });
      this.#child.once("exit", (code, signal) =>
        resolve(signal === null ? `exit status ${code}` : `signal ${signal}`),
      );
    });
    void this.#ended.then((how) => this.#onEnd(how));
  }

  /**
   * Waits until the logger is ready to be given output, within its budget.
   *
   * @param readiness what its ready pipe says
   * @throws {StdioError} when it cannot be run, runs out of time, or ends without the word that is due
   */
  async ready(readiness: Promise<LoggerReadiness>, signal: AbortSignal): Promise<void> {
    const { budgets, clock, command } = this.#start;
    using deadline = startDeadline(clock, budgets.readyMs, "logger did not become ready", signal);
    const notRunnable = this.#ended.then((how) => {
      if (this.#failure !== undefined)
        throw this.#fault("unavailable", `cannot run logger: ${how}`, this.#failure);
      return readiness;
    });
    let outcome: LoggerReadiness;
    try {
      outcome = await abortable(Promise.race([readiness, notRunnable]), deadline.signal);
    } catch (error) {
      if (signal.aborted || error instanceof StdioError) throw error;
      throw this.#fault(deadline.signal.aborted ? "timeout" : "unavailable", messageOf(error), error);
    }
    if (outcome === "closed" && command.mustConfirm) {
      throw this.#fault("unavailable", "logger closed its ready pipe without confirming that it is ready");
    }
  }

  /**
   * Ends the logger after its pipes were closed: waits for it, asks it, kills it. Idempotent; resolves when it is gone.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Ends a logger that never became ready: it has been given nothing. */
  async abandon(): Promise<void> {
    this.#stopping ??= this.#ended.then(() => undefined);
    this.#child.kill("SIGKILL");
    await this.#stopping;
  }

  async #stop(): Promise<void> {
    const { budgets, clock } = this.#start;
    // The pipes are closed: whoever reads to the end goes by itself and has written everything.
    if (await this.#endsWithin(budgets.exitMs, clock)) return;
    this.#child.kill("SIGTERM");
    if (await this.#endsWithin(budgets.terminateMs, clock)) return;
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  async #endsWithin(ms: number, clock: Clock): Promise<boolean> {
    using deadline = startDeadline(clock, ms, "logger did not end");
    await abortable(this.#ended, deadline.signal).catch(() => undefined);
    return this.#over;
  }

  #onEnd(how: string): void {
    this.#over = true;
    if (this.#stopping !== undefined) return;
    const { namespace, containerId, execId } = this.#start.request;
    reportStdio({
      event: "logger-ended",
      namespace,
      containerId,
      ...(execId === undefined ? {} : { execId }),
      stream: "stdout",
      error:
        this.#failure ??
        new Error(`logger "${this.#start.command.executable}" ended before its container: ${how}`),
    });
  }

  #fault(fault: "unavailable" | "timeout", detail: string, cause?: unknown): StdioError {
    return new StdioError(fault, "stdout", this.#start.request.stdout, detail, cause);
  }
}

/** A byte or end of file, whichever the logger chooses. */
export function readiness(stream: Socket): Promise<LoggerReadiness> {
  return new Promise((resolve) => {
    stream.once("data", () => resolve("confirmed"));
    stream.once("end", () => resolve("closed"));
    stream.once("close", () => resolve("closed"));
    stream.once("error", () => resolve("closed"));
  });
}
