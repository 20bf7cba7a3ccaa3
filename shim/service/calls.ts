/**
 * What every RPC handler is wrapped in: the log line of a lifecycle verb, and the translation of errors.
 */
import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { LogFields, Logger, LogLevel } from "../log/logger.ts";
import { toRpcError } from "./status.ts";

/** Calls that change something get an info line, questions a trace line: containerd asks several times for each exec. */
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
  readonly #onCall: (now: number) => void;

  /** @param onCall told of every call, before it is served, and when that is (monotonic, ms) */
  constructor(logger: Logger, clock: Clock, onCall: (now: number) => void = () => undefined) {
    this.#logger = logger;
    this.#clock = clock;
    this.#onCall = onCall;
  }

  /** A handler that logs its duration and answers errors as RPC status. */
  wrap<I extends object, O, C>(
    method: string,
    handler: (request: I, context: C) => Promise<O> | O,
  ): (request: I, context: C) => Promise<O> | O {
    const level: LogLevel = QUESTIONS.has(method) ? "trace" : "info";
    const log = (request: I, started: number, of: LogLevel, message: string, extra: LogFields = {}): void => {
      const subject: Subject = request;
      this.#logger.log(of, message, {
        method,
        task: subject.id ?? subject.sandboxId,
        exec: subject.execId === "" ? undefined : subject.execId,
        ms: Math.round((this.#clock.monotonic() - started) * 10) / 10,
        ...extra,
      });
    };
    const refused = (request: I, started: number, thrown: unknown): Error => {
      const error = toRpcError(thrown);
      log(request, started, "info", "call refused", { code: error.code, error: messageOf(error) });
      return error;
    };
    const answered = (request: I, started: number, response: O): O => {
      if (this.#logger.isEnabled(level)) log(request, started, level, "call answered");
      return response;
    };
    // Not an async function: State is asked for thousands of times, and a promise would cost more than the answer.
    return (request, context) => {
      const started = this.#clock.monotonic();
      this.#onCall(started);
      let response: Promise<O> | O;
      try {
        response = handler(request, context);
      } catch (thrown) {
        throw refused(request, started, thrown);
      }
      if (!(response instanceof Promise)) return answered(request, started, response);
      return response.then(
        (value) => answered(request, started, value),
        (thrown: unknown) => {
          throw refused(request, started, thrown);
        },
      );
    };
  }
}
