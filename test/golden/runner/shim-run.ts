/** Runs the steps of a case on a shim of our own: the task service of production on a scripted machine. */
import { Code, RpcError } from "../../../shim/ttrpc/index.ts";
import { Task } from "../../../protos/gen/task-v2.ts";
import type { MethodDescriptor, ServiceDescriptor, ServiceHandlers } from "../../../protos/types.ts";
import { taskEvents, type EventSink } from "../../../shim/events/task-events.ts";
import { Logger, type LogRecord } from "../../../shim/log/logger.ts";
import { Options, type OptionLayer } from "../../../shim/options/own.ts";
import { Timeline } from "../../../shim/phases/timeline.ts";
import type { PodEnvironment } from "../../../shim/pod/environment.ts";
import { Calls } from "../../../shim/service/calls.ts";
import { Shim } from "../../../shim/service/shim.ts";
import { registerTaskService } from "../../../shim/service/task-service.ts";
import type { CallContext } from "../../../shim/ttrpc/index.ts";
import type { Json } from "../../../hcs/scripted/platform.ts";
import { readCaseText, type CaseOptions, type GoldenCase, type Step } from "./case.ts";
import { dialClientPipe } from "./client-pipes.ts";
import { SHIM_DIRECTORY, SHIM_NAME } from "./names.ts";
import { Recorder, type TraceEntry } from "../../../hcs/scripted/recorder.ts";
import { eventEntry, replyJson } from "./replies.ts";
import { bundleOf, taskCall } from "./requests.ts";
import { ScriptedBackend } from "../../../hcs/scripted/backend.ts";
import { warningsJson, type WarningFields } from "./warning-json.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** What a step may take before it counts as hanging, in milliseconds of the case's own time. */
const LONGEST_CALL_MS = 3_600_000;
/** What happens after a call within this time still belongs to its step. */
const AFTERMATH_MS = 2_000;

export interface StepResult {
  readonly op: string;
  readonly id: string;
  readonly execId?: string;
  readonly ok?: boolean;
  readonly response?: Json;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Everything that a run of a case left. */
export interface ShimRun {
  readonly results: readonly StepResult[];
  readonly trace: readonly TraceEntry[];
  readonly documents: ReadonlyMap<string, unknown>;
  /** Warnings about inputs. */
  readonly warnings: readonly Json[];
  readonly temporaryDirectories: readonly string[];
  readonly log: readonly LogRecord[];
}

/** What a run is made of. */
export interface ShimScript {
  readonly options: Omit<CaseOptions, "kind">;
  /** The `config.json` that a step names. */
  readonly specText: (name: string) => string;
  /** Options of the shim's own, by their names. */
  readonly own: OptionLayer["values"];
}

type TaskHandlers = Record<string, (request: unknown, context: CallContext) => unknown>;

export function runShimCase(golden: GoldenCase): Promise<ShimRun> {
  return runShimScript({
    options: golden.options,
    specText: (name) => readCaseText(golden, name),
    own: REFERENCE_OPTIONS,
  });
}

export async function runShimScript(script: ShimScript): Promise<ShimRun> {
  const run = await Run.open(script);
  for (const step of script.options.steps ?? []) await run.step(step);
  return run.end();
}

/** Takes the handlers of the task service instead of serving them on a socket. */
class TaskServiceHandlers {
  #handlers: TaskHandlers | undefined;

  get handlers(): TaskHandlers {
    if (this.#handlers === undefined) throw new Error(`nobody serves ${Task.typeName}`);
    return this.#handlers;
  }

  register<S extends ServiceDescriptor>(service: S, handlers: ServiceHandlers<S, CallContext>): this {
    if (service.typeName === Task.typeName) this.#handlers = handlers;
    return this;
  }
}

interface RunParts {
  readonly script: ShimScript;
  readonly recorder: Recorder;
  readonly backend: ScriptedBackend;
  readonly clock: VirtualClock;
  readonly log: LogRecord[];
  readonly environment: PodEnvironment;
  readonly events: EventSink;
}

class Run {
  readonly #script: ShimScript;
  readonly #recorder: Recorder;
  readonly #backend: ScriptedBackend;
  readonly #clock: VirtualClock;
  readonly #shim: Shim;
  readonly #handlers: TaskHandlers;
  readonly #log: LogRecord[];
  readonly #results: StepResult[] = [];

  private constructor(parts: RunParts) {
    const { script, recorder, backend, clock, log, environment, events } = parts;
    this.#script = script;
    this.#recorder = recorder;
    this.#backend = backend;
    this.#clock = clock;
    this.#log = log;
    this.#shim = new Shim({
      id: script.options.tid ?? "",
      environment,
      startedFor: script.options.isSandbox === true ? "sandbox" : "standalone",
      options: new Options({ values: script.own, warnings: [] }),
      onIdle: () => undefined,
    });
    const service = new TaskServiceHandlers();
    registerTaskService(service, this.#shim, new Calls(environment.logger, clock), events);
    this.#handlers = service.handlers;
  }

  static async open(script: ShimScript): Promise<Run> {
    const { platform, files } = script.options;
    const recorder = new Recorder(platform.fail);
    const backend = new ScriptedBackend(platform, files ?? [], recorder);
    const clock = new VirtualClock();
    const log: LogRecord[] = [];
    const logger = new Logger("info", () => clock.now());
    logger.attach((record) => log.push(record));
    const events = taskEvents((type, message) =>
      recorder.note(eventEntry(type.typeName, type.create(message) as object)),
    );
    const environment: PodEnvironment = {
      backend,
      host: await backend.host(),
      clock,
      logger,
      timeline: new Timeline(),
      events,
      namespace: "k8s.io",
      stateDirectory: "C:\\ProgramData\\containerd\\runhcs",
      owner: SHIM_NAME,
      programDirectory: SHIM_DIRECTORY,
      streams: {
        reader: () => Promise.reject(new Error("there are no streams")),
        writer: () => Promise.reject(new Error("there are no streams")),
      },
      openJournal: () => FORGETFUL_JOURNAL,
      dialPipe: dialClientPipe,
    };
    return new Run({ script, recorder, backend, clock, log, environment, events });
  }

  async step(step: Step): Promise<void> {
    const { op, id = "", execId } = step;
    this.#recorder.note({ call: "Step", id, op, ...(execId === undefined ? {} : { execId }) });
    const outcome = await this.#act(step);
    this.#results.push({ op, id, ...(execId === undefined ? {} : { execId }), ...outcome });
    await this.#clock.run(AFTERMATH_MS, () => this.#activity);
  }

  end(): ShimRun {
    const warnings = warningsJson(
      this.#log.flatMap(({ level, fields }) =>
        level === "warn" && fields["kind"] !== undefined ? [fields as WarningFields] : [],
      ),
    );
    return {
      results: this.#results,
      trace: this.#recorder.entries,
      documents: this.#recorder.documents,
      warnings,
      temporaryDirectories: this.#backend.files.temporaryDirectories,
      log: this.#log,
    };
  }

  get #activity(): number {
    return this.#recorder.entries.length + this.#log.length;
  }

  async #act(step: Step): Promise<Pick<StepResult, "ok" | "response" | "error">> {
    const { op, id = "", execId = "" } = step;
    switch (op) {
      case "exit":
        this.#backend.machine.endProcess(
          this.#shim.find(id).task.exec(execId).pid,
          Number(step["code"] ?? 0),
        );
        return { ok: true };
      case "vmexit":
        this.#backend.computeSystems.crash(id);
        return { ok: true };
      case "sleep":
        await this.#clock.run(Number(step["ms"] ?? 0), () => this.#activity);
        return { ok: true };
      default:
        return this.#call(step);
    }
  }

  async #call(step: Step): Promise<Pick<StepResult, "ok" | "response" | "error">> {
    const call = taskCall(step);
    if (call === undefined)
      throw new Error(`the case has a step "${step.op}", which this runner does not know`);
    if (step.op === "create") this.#writeBundle(step);
    const method = Task.methods[call.method] as MethodDescriptor;
    const abort = new AbortController();
    // There and back: what the wire cannot carry does not reach the service either.
    const request = method.input.decode(method.input.encode(call.request));
    const handler = this.#handlers[call.method];
    let settled = false;
    const answer = (async () => handler?.(request, { signal: abort.signal } as CallContext))().finally(
      () => (settled = true),
    );
    answer.catch(() => undefined);
    if (
      !(await this.#clock.run(
        LONGEST_CALL_MS,
        () => this.#activity,
        () => settled,
      ))
    ) {
      abort.abort(new Error("the runner has given up"));
      return { error: { code: "DeadlineExceeded", message: "the call was never answered" } };
    }
    try {
      const response = method.output.decode(method.output.encode((await answer) as object));
      return { ok: true, response: replyJson(response as object) };
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      const code =
        Object.entries(Code).find(([, number]) => number === error.code)?.[0] ?? String(error.code);
      return { error: { code, message: error.message } };
    }
  }

  #writeBundle(step: Step): void {
    const text = this.#script.specText(String(step["spec"]));
    this.#backend.files.write(`${bundleOf(step.id ?? "")}\\config.json`, text);
  }
}

/** The reference takes HostProcess containers into pods that say nothing about them. */
const REFERENCE_OPTIONS: ShimScript["own"] = new Map([["host_process.pod_annotation", "merged"]]);

/** Nothing has to be found again after such a run. */
const FORGETFUL_JOURNAL = {
  hold: () => undefined,
  strike: () => undefined,
  started: () => undefined,
  exited: () => undefined,
  close: () => undefined,
};
