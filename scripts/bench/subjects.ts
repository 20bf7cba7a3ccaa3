/** What is compared: our shim in each way of hosting, and the Go shim that comes with the same containerd. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Task as TaskV2 } from "../../protos/gen/task-v2.ts";
import { Task as TaskV3 } from "../../protos/gen/task-v3.ts";
import { pathOfAddress } from "../../shim/bootstrap/address.ts";
import { type Client, Code, codeOf, connect } from "../../shim/ttrpc/index.ts";
import { Containerd } from "../../test/support/containerd.ts";
import { keeperProcesses, type TestHosting } from "../../test/support/keeper.ts";
import { RUNC } from "../../test/support/runtime.ts";
import { findShim } from "../../test/support/shim-process.ts";
import { spareWorkers } from "../../test/support/spare-workers.ts";
import { until } from "../../test/support/until.ts";
import type { ContainerdInstallation } from "../containerd/releases.ts";

export type SubjectName = "go" | TestHosting;

/** A shim under measurement, with a containerd that drives it. */
export interface Subject {
  readonly name: SubjectName;
  readonly containerd: Containerd;
  readonly runtimeType: string;
  /** The executable's path. */
  readonly program: string;
  /** A task that idles for the whole run. */
  readonly idleTask: string;
}

const DIST = join(import.meta.dirname, "../../dist");
const SHIM = "containerd-shim-runhcs-v1";
/** The launcher where one was built; the keeper is asked either way. */
const LAUNCHER_FOLDER = existsSync(join(DIST, "native", SHIM)) ? join(DIST, "native") : join(DIST, "bin");

const FOLDERS: Readonly<Record<TestHosting, string>> = {
  process: join(DIST, "bin"),
  warm: LAUNCHER_FOLDER,
  shared: LAUNCHER_FOLDER,
};

/** Starts a containerd for each way of hosting; the Go shim runs on the first. The caller stops them. */
export async function startSubjects(installation: ContainerdInstallation): Promise<Subject[]> {
  const subjects: Subject[] = [];
  try {
    for (const hosting of ["process", "warm", "shared"] as const) {
      const runtime = { ours: true, type: "io.containerd.runhcs.v1", folder: FOLDERS[hosting] };
      const containerd = await Containerd.start({
        installation,
        runtime,
        hosting,
        logLevel: "info",
      });
      const ours: Subject = {
        name: hosting,
        containerd,
        runtimeType: runtime.type,
        program: join(runtime.folder, SHIM),
        idleTask: `idle-${hosting}`,
      };
      subjects.push(ours);
      if (hosting !== "process") continue;
      const program = join(installation.directory, "containerd-shim-runc-v2");
      subjects.unshift({ name: "go", containerd, runtimeType: RUNC.type, program, idleTask: "idle-go" });
    }
    for (const { containerd, runtimeType, idleTask } of subjects)
      await containerd.ctr().runDetached(idleTask, { args: ["sleep", "100000"], runtime: runtimeType });
    return subjects;
  } catch (error) {
    await stopSubjects(subjects);
    throw error;
  }
}

export async function stopSubjects(subjects: readonly Subject[]): Promise<void> {
  for (const containerd of new Set(subjects.map((subject) => subject.containerd))) {
    await containerd.removeAll();
    await containerd.stop();
  }
}

/** Waits until the keeper holds a booted process and that a VM, as on a node that is not starting pods all the time. */
export async function keeperRested({ name, containerd }: Subject): Promise<void> {
  if (name === "process" || name === "go") return;
  await until(
    "the keeper to have a process and a VM ready",
    () =>
      keeperProcesses(containerd.nodeFile).some(({ arguments: words }) => words.includes("ready")) &&
      spareWorkers(containerd.emulatorDirectory).some(({ isReady }) => isReady),
  );
}

function bundleOf({ containerd }: Subject, id: string): string {
  return join(containerd.directory, "state/io.containerd.runtime.v2.task", containerd.namespace, id);
}

/** The process that serves a task. */
export async function shimOf(subject: Subject, id: string): Promise<number> {
  if (subject.name === "go") return findShim(subject.containerd.address, id);
  return Number(await readFile(join(bundleOf(subject, id), "shim.pid"), "utf8"));
}

/** The address a task's shim answers at, as containerd keeps it. */
export async function addressOfTask(subject: Subject, id: string): Promise<string> {
  // containerd 2.x writes what `start` answered; before, the shim writes the address itself.
  const bootstrap = await readFile(join(bundleOf(subject, id), "bootstrap.json"), "utf8").catch(
    () => undefined,
  );
  const address =
    bootstrap === undefined
      ? await readFile(join(bundleOf(subject, id), "address"), "utf8")
      : (JSON.parse(bootstrap) as { address: string }).address;
  return pathOfAddress(address.trim());
}

/** A connection to a shim, and the version of the Task service it serves. */
export interface TaskConnection {
  readonly client: Client;
  readonly service: typeof TaskV2;
}

/** Connects to a shim. */
export async function connectTask(path: string): Promise<TaskConnection> {
  const client = await connect(path);
  const hasV2 = await client.call(TaskV2, "Connect", { id: "nobody" }).then(
    () => true,
    (error: unknown) => codeOf(error) !== Code.Unimplemented,
  );
  return { client, service: hasV2 ? TaskV2 : TaskV3 };
}
