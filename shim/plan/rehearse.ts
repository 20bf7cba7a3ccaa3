/**
 * A rehearsal: the shim's own code makes the tasks of a pod on a machine that only writes down what it is asked. What it
 * was asked is the plan.
 */
import { posix } from "node:path";
import { stringify } from "smol-toml";
import { ScriptedBackend } from "../../hcs/scripted/backend.ts";
import { Recorder, type TraceEntry } from "../../hcs/scripted/recorder.ts";
import { SANDBOX_ID } from "../../oci/identity.ts";
import { isObject, type JsonObject } from "../../oci/json.ts";
import { hostProcessKind, type HostProcessKind } from "../../oci/host-process/classify.ts";
import type { Isolation } from "../../oci/isolation.ts";
import type { Spec } from "../../oci/spec.ts";
import { packAny } from "../../protos/any.ts";
import { Options as GenericOptions } from "../../protos/gen/runtime-options.ts";
import { CreateTaskRequest } from "../../protos/gen/task-v2.ts";
import { sleepOn, type Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { taskEvents } from "../events/task-events.ts";
import { Logger, type LogFields } from "../log/logger.ts";
import type { Options } from "../options/own.ts";
import { Timeline } from "../phases/timeline.ts";
import type { PodEnvironment } from "../pod/environment.ts";
import { prepareCreate } from "../service/prepare.ts";
import { Shim } from "../service/shim.ts";
import {
  assumedFile,
  baseLayersOf,
  bootFiles,
  layersOf,
  platformOf,
  PROGRAM_DIRECTORY,
  type PlannedHost,
} from "./assumptions.ts";

export interface PlanTask {
  readonly id: string;
  readonly title: string;
  /** Its OCI spec. */
  readonly document: JsonObject;
}

export interface PodPlanInput {
  /** The sandbox first, or a task that is no part of a pod alone. */
  readonly tasks: readonly PlanTask[];
  /** Runtime options by their TOML names. */
  readonly runtime: Readonly<Record<string, unknown>>;
}

export interface TaskOutcome {
  readonly id: string;
  readonly title: string;
  /** Absent when the task was refused before they were taken. */
  readonly decisions?: TaskDecisions;
  /** Why it was not made. */
  readonly refusal?: string;
  readonly warnings: readonly string[];
}

export interface TaskDecisions {
  readonly role: string;
  readonly isolation: Isolation;
  readonly hostProcess: HostProcessKind;
  /** After option defaults and expansion. */
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Rehearsal {
  readonly tasks: readonly TaskOutcome[];
  /** What the platform was given, by name: `uvm`, `container-<id>`, `process-<id>`. */
  readonly documents: ReadonlyMap<string, unknown>;
  /** Everything the platform was asked, in order. */
  readonly calls: readonly TraceEntry[];
}

/** Time stands still: nothing here waits for anything but its own code. */
const STILL: Clock = {
  now: () => 0,
  monotonic: () => 0,
  setTimeout: () => () => undefined,
  sleep: (ms, signal) => sleepOn(STILL, ms, signal),
};

const NOTHING_HELD = {
  hold: () => undefined,
  strike: () => undefined,
  started: () => undefined,
  exited: () => undefined,
  close: () => undefined,
};

export async function rehearse(plan: PodPlanInput, host: PlannedHost, options: Options): Promise<Rehearsal> {
  const recorder = new Recorder();
  const platform = platformOf(plan, host);
  const baseLayers = baseLayersOf(plan);
  const backend = new ScriptedBackend(platform, bootFiles(), recorder, (path) =>
    assumedFile(path, baseLayers),
  );
  const logger = new Logger("info", () => 0);
  let warnings: string[] = [];
  logger.attach(({ level, message, fields }) => {
    if (level === "warn") warnings.push(warningText(message, fields));
  });
  const environment: PodEnvironment = {
    backend,
    host: await backend.host(),
    clock: STILL,
    logger,
    timeline: new Timeline(),
    events: taskEvents(() => undefined),
    namespace: "k8s.io",
    stateDirectory: "C:\\ProgramData\\containerd\\runhcs",
    owner: "containerd-shim-runhcs-v1",
    programDirectory: PROGRAM_DIRECTORY,
    streams: {
      reader: () => Promise.reject(new Error("a plan has no streams")),
      writer: () => Promise.reject(new Error("a plan has no streams")),
    },
    openJournal: () => NOTHING_HELD,
  };
  const shim = new Shim({ id: plan.tasks[0]?.id ?? "", environment, options, onIdle: () => undefined });
  const tasks: TaskOutcome[] = [];
  for (const task of plan.tasks) {
    warnings = [];
    const outcome = await make(shim, backend, recorder, plan, task);
    tasks.push({ id: task.id, title: task.title, warnings: [...new Set(warnings)], ...outcome });
  }
  return { tasks, documents: documentsOf(recorder), calls: recorder.entries };
}

async function make(
  shim: Shim,
  backend: ScriptedBackend,
  recorder: Recorder,
  { runtime }: PodPlanInput,
  { id, document }: PlanTask,
): Promise<Pick<TaskOutcome, "decisions" | "refusal">> {
  const bundle = `C:\\bundles\\${id}`;
  backend.files.write(`${bundle}\\config.json`, JSON.stringify(document));
  let decisions: TaskDecisions | undefined;
  try {
    const wanted = CreateTaskRequest.create({
      id,
      bundle,
      rootfs: layersOf(id, document),
      ...(Object.keys(runtime).length === 0 ? {} : { options: anyOptions(runtime) }),
    });
    const request = await prepareCreate(wanted, shim.options, shim.environment.logger, backend);
    decisions = decisionsOf(request.spec, request.identity.role, request.isolation);
    recorder.note({ call: "Step", op: "create", id });
    const task = await shim.create(request);
    recorder.note({ call: "Step", op: "start", id });
    await task.start("");
    return { decisions };
  } catch (error) {
    return { ...(decisions === undefined ? {} : { decisions }), refusal: messageOf(error) };
  }
}

function anyOptions(runtime: Readonly<Record<string, unknown>>): CreateTaskRequest["options"] {
  return packAny(GenericOptions, { configBody: Buffer.from(stringify(runtime)) });
}

function decisionsOf(spec: Spec, role: string, isolation: Isolation): TaskDecisions {
  return { role, isolation, hostProcess: hostProcessKind(spec), annotations: spec.annotations };
}

/** Documents that were kept, and the parameters of first processes. */
function documentsOf({ documents, entries }: Recorder): Map<string, unknown> {
  const found = new Map([...documents].map(([file, document]) => [posix.basename(file, ".json"), document]));
  let task = "";
  for (const entry of entries) {
    if (entry.call === "Step") task = String(entry["id"]);
    const parameters = processParameters(entry);
    // A Linux guest has the process in its container's spec already.
    const isEmpty = isObject(parameters) && Object.keys(parameters).length === 0;
    if (parameters !== undefined && !isEmpty && !found.has(`process-${task}`))
      found.set(`process-${task}`, parameters);
  }
  return found;
}

function processParameters(entry: TraceEntry): unknown {
  if (entry.call === "HcsCreateProcess") return entry["parameters"];
  if (entry.call === "CreateProcess") {
    const { call: _, ...rest } = entry;
    return rest;
  }
  const { body, containerId } = entry;
  // Processes of the VM itself are means to an end.
  if (entry.call !== "GCS.ExecuteProcess" || containerId === NULL_ID || !isObject(body)) return undefined;
  const settings = body["Settings"];
  return isObject(settings) ? settings["ProcessParameters"] : undefined;
}

const NULL_ID = "00000000-0000-0000-0000-000000000000";

function warningText(message: string, fields: LogFields): string {
  const [subject, said] = [fields["at"] ?? fields["option"], fields["message"] ?? fields["error"]];
  const text = typeof said === "string" ? said : message;
  return typeof subject === "string" ? `${subject}: ${text}` : text;
}

/** The pod that a workload's spec belongs to, as far as its spec tells. */
export function assumedSandbox(workload: JsonObject): PlanTask {
  const annotations = isObject(workload["annotations"]) ? workload["annotations"] : {};
  const { windows, linux } = workload;
  return {
    id: String(annotations[SANDBOX_ID]),
    title: "sandbox (assumed)",
    document: {
      ociVersion: workload["ociVersion"],
      process: { args: ["pause"], cwd: linux === undefined ? "C:\\" : "/" },
      root: {},
      annotations: { ...annotations, "io.kubernetes.cri.container-type": "sandbox" },
      ...(linux === undefined ? {} : { linux: {} }),
      ...(isObject(windows) ? { windows: isObject(windows["hyperv"]) ? { hyperv: {} } : {} } : {}),
    },
  };
}
