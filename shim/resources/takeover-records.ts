/**
 * What a process has to know that takes a task over: what was asked for, and how far each of its processes has come. Small
 * files beside the journal, in the bundle, replaced in one step; they go with the task. Only tasks of shared processes
 * have them: nobody takes over what died with a process of its own.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { bundleFile, writeFileAtomically } from "../bootstrap/bundle.ts";
import type { StdioPorts } from "../../hcs/api.ts";
import type { RecordedExit } from "./journal.ts";

/** A process of a task, the init process or an exec. */
export interface ProcessFacts {
  /** Id of the exec; empty for the init process. */
  readonly execId: string;
  /** The request that asked for it: CreateTaskRequest or ExecProcessRequest, base64. */
  readonly request: string;
  /** Present once it was started. */
  readonly started?: { readonly pid: number; readonly ports: StdioPorts };
  /** Its client has said that no more input comes. */
  readonly isStdinClosed?: true;
  readonly exit?: RecordedExit;
  /** containerd has been told of the exit. */
  readonly isExitTold?: true;
}

/** A task that can be taken over. */
export interface TaskFacts {
  readonly id: string;
  readonly bundle: string;
  /** Id of its pod. */
  readonly pod: string;
  /** Tasks of a pod in the order of their creation, milliseconds since the epoch. */
  readonly createdAt: number;
  readonly init: ProcessFacts;
  readonly execs: readonly ProcessFacts[];
}

interface Known {
  readonly bundle: string;
  readonly processes: Map<string, ProcessFacts>;
}

const TASK_FILE = "task.json";

function processFile(execId: string): string {
  return execId === "" ? "init.json" : `exec-${Buffer.from(execId, "utf8").toString("hex")}.json`;
}

/** Writes the records of the tasks of one pod. */
export class TakeoverRecords {
  readonly #pod: string;
  readonly #tasks = new Map<string, Known>();

  constructor(pod: string) {
    this.#pod = pod;
  }

  /** The task is there: from now on somebody can take it over. */
  created(id: string, bundle: string, request: Uint8Array, createdAt: number): void {
    mkdirSync(bundleFile(bundle, "takeover"), { recursive: true, mode: 0o700 });
    this.#tasks.set(id, { bundle, processes: new Map() });
    this.#put(id, { execId: "", request: Buffer.from(request).toString("base64") });
    const task = { id, pod: this.#pod, createdAt };
    writeFileAtomically(join(bundleFile(bundle, "takeover"), TASK_FILE), JSON.stringify(task));
  }

  /** Goes on with what an earlier process has written. */
  adopt(task: TaskFacts): void {
    const processes = new Map([task.init, ...task.execs].map((facts) => [facts.execId, facts]));
    this.#tasks.set(task.id, { bundle: task.bundle, processes });
  }

  execAdded(id: string, execId: string, request: Uint8Array): void {
    if (this.#tasks.has(id)) this.#put(id, { execId, request: Buffer.from(request).toString("base64") });
  }

  /** Adds to what is known of a process. One that nobody could take over is left out. */
  note(id: string, execId: string, facts: Partial<Omit<ProcessFacts, "execId" | "request">>): void {
    const known = this.#tasks.get(id)?.processes.get(execId);
    if (known !== undefined) this.#put(id, { ...known, ...facts });
  }

  deleted(id: string, execId: string): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    task.processes.delete(execId);
    const directory = bundleFile(task.bundle, "takeover");
    if (execId !== "") {
      rmSync(join(directory, processFile(execId)), { force: true });
      return;
    }
    this.#tasks.delete(id);
    // First what says that there is something to take over.
    rmSync(join(directory, TASK_FILE), { force: true });
    rmSync(directory, { recursive: true, force: true });
  }

  #put(id: string, facts: ProcessFacts): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    task.processes.set(facts.execId, facts);
    const path = join(bundleFile(task.bundle, "takeover"), processFile(facts.execId));
    try {
      writeFileAtomically(path, JSON.stringify(facts));
    } catch (error) {
      // containerd has removed the bundle: nobody will ask for this task any more.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

/** The tasks of a pod that can be taken over, the pod's own first. Bundles of a namespace are beside each other. */
export function readTakeover(podBundle: string, pod: string): TaskFacts[] {
  const root = dirname(podBundle);
  return readdirSync(root)
    .map((name) => readTask(join(root, name)))
    .filter((task) => task?.pod === pod)
    .filter((task) => task !== undefined)
    .sort(
      (one, other) => Number(other.id === pod) - Number(one.id === pod) || one.createdAt - other.createdAt,
    );
}

function readTask(bundle: string): TaskFacts | undefined {
  const directory = bundleFile(bundle, "takeover");
  const task = readJson(join(directory, TASK_FILE)) as
    Pick<TaskFacts, "id" | "pod" | "createdAt"> | undefined;
  const init = readJson(join(directory, processFile(""))) as ProcessFacts | undefined;
  if (task === undefined || init === undefined) return undefined;
  const execs = readdirSync(directory)
    .filter((name) => name.startsWith("exec-") && name.endsWith(".json"))
    .map((name) => readJson(join(directory, name)) as ProcessFacts | undefined)
    .filter((facts) => facts !== undefined);
  return { ...task, bundle, init, execs };
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
