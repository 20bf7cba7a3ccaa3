/** Runs the steps of a case on a shim of our own: the task service of production on a scripted machine. */
import { taskEvents, type EventSink } from "../../../shim/events/task-events.ts";
import { Logger, type LogRecord } from "../../../shim/log/logger.ts";
import { Options, type OptionLayer } from "../../../shim/options/own.ts";
import { Timeline } from "../../../shim/phases/timeline.ts";
import type { PodEnvironment } from "../../../shim/pod/environment.ts";
import { Calls } from "../../../shim/service/calls.ts";
import { Shim } from "../../../shim/service/shim.ts";
import { registerTaskService } from "../../../shim/service/task-service.ts";
import type { Json } from "../../../hcs/scripted/platform.ts";
import { readCaseText, type CaseOptions, type GoldenCase, type Step } from "./case.ts";
import { dialClientPipe } from "./client-pipes.ts";
import { SHIM_DIRECTORY, SHIM_NAME } from "./names.ts";
import { Recorder, type TraceEntry } from "../../../hcs/scripted/recorder.ts";
import { eventEntry } from "./replies.ts";
import { bundleOf } from "./requests.ts";
import { ScriptedBackend } from "../../../hcs/scripted/backend.ts";
import { TaskServiceHandlers, type StepOutcome } from "./task-service-handlers.ts";
import { warningsJson, type WarningFields } from "./warning-json.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** What a step may take before it counts as hanging, in milliseconds of the case's own time. */
const LONGEST_CALL_MS = 3_600_000;
/** What happens after a call within this time still belongs to its step. */
const AFTERMATH_MS = 2_000;

export interface StepResult extends StepOutcome {
  readonly op: string;
  readonly id: string;
  readonly execId?: string;
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
  readonly #service = new TaskServiceHandlers();
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
    registerTaskService(this.#service, this.#shim, new Calls(environment.logger, clock), events);
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

  async #act(step: Step): Promise<StepOutcome> {
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

  async #call(step: Step): Promise<StepOutcome> {
    if (step.op === "create") this.#writeBundle(step);
    const abort = new AbortController();
    let settled = false;
    const outcome = this.#service.call(step, abort.signal).finally(() => (settled = true));
    outcome.catch(() => undefined);
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
    return outcome;
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
