/** What a pod takes over from a process that died: which tasks can go on, and how their processes do. */
import { parseJson } from "../../hcs/json.ts";
import { readProcess } from "../../oci/spec.ts";
import { ExecProcessRequest } from "../../protos/gen/task-v2.ts";
import { ShimError } from "../errors.ts";
import type { Holding, ResourceKind } from "../resources/journal.ts";
import type { ProcessFacts, TaskFacts } from "../resources/takeover-records.ts";
import type { Exec } from "../task/exec.ts";
import type { Task } from "../task/task.ts";
import { UNKNOWN_STATUS } from "./create-task.ts";
import type { CreateRequest } from "./request.ts";

/** A task as the earlier process has left it. */
export interface InheritedTask {
  readonly facts: TaskFacts;
  readonly request: CreateRequest;
  /** What it holds, by its journal. */
  readonly held: readonly Holding[];
}

/**
 * What can be found again in a VM that runs. Of disks and devices nobody but the process that died knew at which place of
 * the VM they are.
 */
const INHERITABLE: ReadonlySet<ResourceKind> = new Set(["mount", "vm", "share", "layers", "nic"]);

/** Prefix of the keys of layers that are shared directories, as opposed to disks. */
const SHARED_LAYERS = "share:";

/** @throws {ShimError} UNSUPPORTED naming what cannot be found again; VM_LOST when it has ended */
export function requireInheritable({ facts, request, held }: InheritedTask): void {
  const refuse = (why: string): never => {
    throw new ShimError("UNSUPPORTED", `cannot take over "${facts.id}": ${why}`);
  };
  if (request.isolation !== "linux-vm")
    refuse(`containers in isolation ${request.isolation} end with their process`);
  if (facts.init.exit !== undefined)
    throw new ShimError("VM_LOST", `cannot take over "${facts.id}": it has ended`);
  const lost = held.find(
    ({ kind, key }) => !INHERITABLE.has(kind) || (kind === "layers" && !key.startsWith(SHARED_LAYERS)),
  );
  if (lost !== undefined) refuse(`${lost.kind} ${lost.key} cannot be found again`);
}

/** Init and execs of a task whose container goes on. */
export async function inheritProcesses(task: Task, { init, execs }: TaskFacts): Promise<void> {
  await inheritProcess(task, task.init, init);
  for (const facts of execs) await inheritProcess(task, await inheritExec(task, facts), facts);
}

/** Init and execs of a task that ends: execs first. @param now milliseconds since the epoch */
export async function inheritEnds(task: Task, { init, execs }: TaskFacts, now: number): Promise<void> {
  const end = (exec: Exec, { started, exit, isExitTold }: ProcessFacts): void => {
    const record = exit ?? { pid: started?.pid ?? 0, status: UNKNOWN_STATUS, at: now };
    task.inheritExit(exec, record, isExitTold === true);
  };
  for (const facts of execs) end(await inheritExec(task, facts), facts);
  end(task.init, init);
}

async function inheritProcess(task: Task, exec: Exec, facts: ProcessFacts): Promise<void> {
  const { started, exit, isExitTold, isStdinClosed } = facts;
  if (exit !== undefined) {
    task.inheritExit(exec, exit, isExitTold === true);
    return;
  }
  if (isStdinClosed === true) exec.closeStdin();
  if (started === undefined) return;
  const { container } = task;
  if (container.adoptProcess === undefined)
    throw new ShimError("UNSUPPORTED", `cannot take over process ${started.pid} of task "${task.id}"`);
  exec.adopt(await container.adoptProcess({ ...started, isInit: exec.isInit }));
}

function inheritExec(task: Task, { execId, request }: ProcessFacts): Promise<Exec> {
  const { spec, stdin, stdout, stderr, terminal } = ExecProcessRequest.decode(Buffer.from(request, "base64"));
  const process = readProcess(
    parseJson(Buffer.from(spec?.value ?? new Uint8Array(0)).toString("utf8")),
    "/process",
  );
  return task.inheritExec({ id: execId, process, stdio: { stdin, stdout, stderr, terminal } });
}
