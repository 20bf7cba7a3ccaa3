/**
 * What every RPC handler is wrapped in: the log line of a lifecycle verb, and the translation of errors.
 */
import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { LogFields, Logger, LogLevel } from "../log/logger.ts";
import { toRpcError } from "./status.ts";

/** Calls that change something get an info line, questions a debug line. */
const QUESTIONS: ReadonlySet<string> = new Set([
  "State",
  "Wait",
  "Pids",
  "Stats",
  "Connect",
  "Platform",
  "PingSandbox",
  "SandboxStatus",
  "SandboxMetrics",
  "WaitSandbox",
  "ResizePty",
  "Timeline",
  "Report",
  "DiagStacks",
  "DiagTasks",
  "DiagPid",
]);

/** What identifies the subject of a request in logs. */
interface Subject {
  readonly id?: string;
  readonly execId?: string;
  readonly sandboxId?: string;
}

export class Calls {
  readonly #logger: Logger;
  readonly #clock: Clock;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** A handler that logs its duration and answers errors as RPC status. */
  wrap<I extends object, O, C>(
    method: string,
    handler: (request: I, context: C) => Promise<O> | O,
  ): (request: I, context: C) => Promise<O> {
    return async (request, context) => {
      const subject: Subject = request;
      const started = this.#clock.monotonic();
      const log = (level: LogLevel, message: string, extra: LogFields = {}): void => {
        const ms = Math.round((this.#clock.monotonic() - started) * 10) / 10;
        this.#logger.log(level, message, {
          method,
          task: subject.id ?? subject.sandboxId,
          exec: subject.execId === "" ? undefined : subject.execId,
          ms,
          ...extra,
        });
      };
      try {
        const response = await handler(request, context);
        log(QUESTIONS.has(method) ? "debug" : "info", "call answered");
        return response;
      } catch (thrown) {
        const error = toRpcError(thrown);
        log("info", "call refused", { code: error.code, error: messageOf(error) });
        throw error;
      }
    };
  }
}
