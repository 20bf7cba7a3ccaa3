/** Runs of pods on a scripted Windows machine, for tests of HostProcess containers as the shim's clients see them. */
import { isObject } from "../../oci/json.ts";
import type { Platform, Json } from "../../hcs/scripted/platform.ts";
import type { TraceEntry } from "../../hcs/scripted/recorder.ts";
import type { Step } from "../golden/runner/case.ts";
import { runShimScript, type ShimRun, type StepResult } from "../golden/runner/shim-run.ts";

const POD = "pod1";
const CONTAINERS = ["c1", "c2"] as const;
type ContainerId = (typeof CONTAINERS)[number];

export interface PodScript {
  /** Members of the `config.json` of the sandbox. */
  readonly pod: object;
  /** The same of its containers, which are created and started in the order of their names. */
  readonly containers: Partial<Record<ContainerId, object>>;
  /** What happens then. */
  readonly steps?: readonly Step[];
  readonly platform?: Partial<Platform>;
  /** Options of the shim's own, by their names. */
  readonly own?: Readonly<Record<string, string>>;
}

export type Annotations = Readonly<Record<string, string>>;

/** The `config.json` of a hypervisor-isolated task. */
export const hypervisor = (annotations: Annotations = {}, members: object = {}): object => ({
  annotations,
  windows: { hyperv: {} },
  ...members,
});

/** The same of a process-isolated one. */
export const process = (annotations: Annotations = {}, members: object = {}): object => ({
  annotations,
  windows: {},
  ...members,
});

const PLATFORM: Platform = {
  windowsBuild: 26100,
  hostProcessors: 8,
  vmRuntimeId: "a0a0a0a0-0000-4000-8000-000000000001",
  driveVolumes: { "C:": "\\\\?\\Volume{0c0c0c0c-0000-4000-8000-00000000000c}" },
  scratchVolumes: {
    "C:\\snap\\pod1": "\\\\?\\Volume{50100000-04d5-4850-8151-ad50d0151850}",
    "C:\\snap\\c1": "\\\\?\\Volume{50100000-04d5-4850-8151-ad50d0151851}",
    "C:\\snap\\c2": "\\\\?\\Volume{50100000-04d5-4850-8151-ad50d0151852}",
  },
  containerSystemGuids: {
    c1: "c0c0c0c0-0000-4000-8000-000000000001",
    c2: "c0c0c0c0-0000-4000-8000-000000000002",
  },
  fileBindingSupported: true,
};

const FILES = [
  { path: "C:\\snap\\1\\Files", dir: true },
  { path: "C:\\snap\\1\\UtilityVM\\Files", dir: true },
  { path: "C:\\snap\\1\\UtilityVM\\SystemTemplate.vhdx", size: 4096 },
  ...[POD, ...CONTAINERS].map((id) => ({ path: `C:\\snap\\${id}\\sandbox.vhdx`, size: 4096 })),
  { path: "C:\\hostdata", dir: true },
];

export async function runPod(script: PodScript): Promise<PodRun> {
  const { pod, containers, steps = [], platform, own = {} } = script;
  const specs: Readonly<Record<string, object | undefined>> = { [POD]: pod, ...containers };
  const ids = [POD, ...CONTAINERS.filter((id) => containers[id] !== undefined)];
  const run = await runShimScript({
    options: {
      tid: POD,
      isSandbox: true,
      platform: { ...PLATFORM, ...platform },
      files: FILES,
      steps: [...ids.flatMap(createAndStart), ...steps],
    },
    specText: (id) => JSON.stringify(config(id, specs[id] ?? {})),
    own: new Map(Object.entries(own)),
  });
  return new PodRun(run);
}

function createAndStart(id: string): Step[] {
  const rootfs = [
    {
      type: "windows-layer",
      source: `C:\\snap\\${id}`,
      target: "",
      options: ["rw", 'parentLayerPaths=["C:\\\\snap\\\\1"]'],
    },
  ];
  return [
    { op: "create", id, spec: id, rootfs },
    { op: "start", id },
  ];
}

function config(id: string, members: object): object {
  const { annotations, process, ...rest } = members as { annotations?: object; process?: object };
  return {
    ociVersion: "1.1.0",
    process: { user: { username: "app" }, cwd: "C:\\", args: ["whoami"], ...process },
    annotations: {
      "io.kubernetes.cri.container-type": id === POD ? "sandbox" : "container",
      "io.kubernetes.cri.sandbox-id": POD,
      ...annotations,
    },
    ...rest,
  };
}

/** What came of it. */
export class PodRun {
  readonly #run: ShimRun;

  constructor(run: ShimRun) {
    this.#run = run;
  }

  /** Why steps failed, by their names; empty where all went well. */
  get failures(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      this.#run.results.flatMap(({ op, id, error }) =>
        error === undefined ? [] : [[`${op} ${id}`, error.message]],
      ),
    );
  }

  result(op: string, id: string, execId?: string): StepResult | undefined {
    return this.#run.results.find((step) => step.op === op && step.id === id && step.execId === execId);
  }

  /** What the machine was asked, and what clients were told, during a step. */
  trace(op: string, id: string, execId?: string): TraceEntry[] {
    const { trace } = this.#run;
    const isStep = ({ call }: TraceEntry): boolean => call === "Step";
    const begin = trace.findIndex(
      (entry) => isStep(entry) && entry["op"] === op && entry["id"] === id && entry["execId"] === execId,
    );
    if (begin < 0) throw new Error(`there was no step ${op} ${id}`);
    const rest = trace.slice(begin + 1);
    const end = rest.findIndex(isStep);
    return end < 0 ? rest : rest.slice(0, end);
  }

  /** Names of the calls in {@link trace}, events aside. */
  calls(op: string, id: string): string[] {
    return this.trace(op, id)
      .map(({ call }) => call)
      .filter((call) => call !== "Event");
  }

  /** How often the machine was asked for something. */
  count(call: string): number {
    return this.#run.trace.filter((entry) => entry.call === call).length;
  }

  /** The `Container` section of the document that the container was made from. */
  container(id: string): Json {
    const document = this.#run.documents.get(`container-${id}.json`);
    if (!isObject(document) || !isObject(document["Container"]))
      throw new Error(`there is no document of ${id}: ${JSON.stringify(this.failures)}`);
    return document["Container"];
  }

  /** What the guest was asked to start. */
  guestProcess(id: string, execId?: string): Json {
    const entry = this.trace("start", id, execId).find(({ call }) => call === "GCS.ExecuteProcess");
    const body = entry?.["body"];
    const settings = isObject(body) ? body["Settings"] : undefined;
    const parameters = isObject(settings) ? settings["ProcessParameters"] : undefined;
    if (!isObject(parameters))
      throw new Error(`no guest was asked for a process of ${id}: ${JSON.stringify(this.failures)}`);
    return parameters;
  }

  /** What the host was asked to start in the job of the container. */
  jobProcess(id: string): TraceEntry {
    const entry = this.trace("start", id).find(({ call }) => call === "CreateProcess");
    if (entry === undefined)
      throw new Error(`no process of ${id} was created: ${JSON.stringify(this.failures)}`);
    return entry;
  }

  /** Members of the last event of a topic. */
  event(topic: string): Json {
    const entry = this.#run.trace.findLast((candidate) => candidate["topic"] === topic);
    if (entry === undefined || !isObject(entry["event"])) throw new Error(`there was no ${topic}`);
    return entry["event"];
  }
}
