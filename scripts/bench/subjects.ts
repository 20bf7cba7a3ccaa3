/** What is compared: our shim, and the Go shim that comes with the same containerd. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Task as TaskV2 } from "../../protos/gen/task-v2.ts";
import { Task as TaskV3 } from "../../protos/gen/task-v3.ts";
import { pathOfAddress } from "../../shim/bootstrap/address.ts";
import { type Client, Code, codeOf, connect } from "../../shim/ttrpc/index.ts";
import type { Containerd } from "../../test/support/containerd.ts";
import { RUNC, RUNHCS, type TestRuntime } from "../../test/support/runtime.ts";

/** A shim under measurement. */
export interface Subject {
  /** What tables call it. */
  readonly name: string;
  readonly runtime: TestRuntime;
  /** The executable's path. */
  program(containerd: Containerd): string;
}

function subject(name: string, runtime: TestRuntime, file: string): Subject {
  return {
    name,
    runtime,
    program: (containerd) => join(runtime.folder ?? containerd.installation.directory, file),
  };
}

export const OURS: Subject = subject("runhcs-v1", RUNHCS, "containerd-shim-runhcs-v1");
export const THEIRS: Subject = subject("runc-v2", RUNC, "containerd-shim-runc-v2");

/** The address a task's shim answers at, as containerd keeps it. */
export async function addressOfTask(containerd: Containerd, id: string): Promise<string> {
  const bundle = join(containerd.directory, "state/io.containerd.runtime.v2.task", containerd.namespace, id);
  // containerd 2.x writes what `start` answered; before, the shim writes the address itself.
  const bootstrap = await readFile(join(bundle, "bootstrap.json"), "utf8").catch(() => undefined);
  const address =
    bootstrap === undefined
      ? await readFile(join(bundle, "address"), "utf8")
      : (JSON.parse(bootstrap) as { address: string }).address;
  return pathOfAddress(address.trim());
}

/** A connection to a shim, and the version of the Task service it serves. */
export interface TaskConnection {
  readonly client: Client;
  state(id: string): Promise<unknown>;
  shutdown(id: string): Promise<unknown>;
}

/** Connects to a shim. */
export async function connectTask(path: string): Promise<TaskConnection> {
  const client = await connect(path);
  const hasV2 = await client.call(TaskV2, "Connect", { id: "nobody" }).then(
    () => true,
    (error: unknown) => codeOf(error) !== Code.Unimplemented,
  );
  const service = hasV2 ? TaskV2 : TaskV3;
  return {
    client,
    state: (id) => client.call(service, "State", { id }),
    shutdown: (id) => client.call(service, "Shutdown", { id, now: true }),
  };
}
