/**
 * A shim whose `start` hands out the address of a server in this process, so that containerd itself becomes the client.
 * Its tasks have no processes: they run until somebody kills them, or not at all.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { timestampFromDate } from "../../../protos/timestamp.ts";
import { Task, type TaskMethods } from "../../../protos/gen/task-v2.ts";
import { Status } from "../../../protos/gen/types.ts";
import type { ServiceHandlers } from "../../../protos/types.ts";
import { Code, RpcError, Server } from "../../../shim/ttrpc/index.ts";
import type { CallContext } from "../../../shim/ttrpc/index.ts";

export const PROBE_RUNTIME = "io.containerd.probe.v1";

interface ProbeTask {
  readonly bundle: string;
  status: number;
  exitStatus: number;
  exitedAt: Date | undefined;
  readonly exited: Promise<void>;
  readonly exit: (status: number) => void;
}

/** A call that containerd made. */
export interface SeenCall {
  readonly method: string;
  readonly id: string;
  readonly context: CallContext;
}

type Handlers = ServiceHandlers<typeof Task, CallContext>;

/** Prepares a folder for containerd's PATH. */
export async function writeProbeShim(folder: string, socket: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const script = `#!/bin/sh
case " $* " in
*" start "*)
  # Releases before 2.0 look here when they are started again.
  printf 'unix://%s' "${socket}" | tee address
  ;;
esac
`;
  await writeFile(join(folder, "containerd-shim-probe-v1"), script, { mode: 0o755 });
}

/** The server behind the probe shim. */
export class ProbeShim {
  readonly server: Server = new Server();
  readonly calls: SeenCall[] = [];
  readonly tasks: Map<string, ProbeTask> = new Map();
  /** What Create fails with, by task. */
  readonly refusals: Map<string, RpcError> = new Map();
  /** How many processes Pids tells of, by task; one unless set. */
  readonly processCounts: Map<string, number> = new Map();

  constructor() {
    this.server.register(Task, this.#handlers());
  }

  /** Calls of one method for one task. */
  seen(method: keyof TaskMethods, id: string): SeenCall[] {
    return this.calls.filter((call) => call.method === method && call.id === id);
  }

  #task(id: string): ProbeTask {
    const task = this.tasks.get(id);
    if (task === undefined) throw new RpcError(Code.NotFound, `cannot find task "${id}": not found`);
    return task;
  }

  #handlers(): Handlers {
    const pid = process.pid;
    const unimplemented = (): never => {
      throw new RpcError(Code.Unimplemented, "the probe does not do that");
    };
    const handlers: Handlers = {
      Create: ({ id, bundle }) => {
        const refusal = this.refusals.get(id);
        if (refusal !== undefined) throw refusal;
        let exit: ProbeTask["exit"] = () => {};
        const exited = new Promise<void>((resolve) => {
          exit = (exitStatus) => {
            Object.assign(task, { status: Status.STOPPED, exitStatus, exitedAt: new Date() });
            resolve();
          };
        });
        const task: ProbeTask = {
          bundle,
          status: Status.CREATED,
          exitStatus: 0,
          exitedAt: undefined,
          exited,
          exit,
        };
        this.tasks.set(id, task);
        return { pid };
      },
      Start: ({ id }) => {
        this.#task(id).status = Status.RUNNING;
        return { pid };
      },
      State: ({ id }) => {
        const { bundle, status, exitStatus, exitedAt } = this.#task(id);
        return { id, bundle, pid, status, exitStatus, exitedAt: exitedAt && timestampFromDate(exitedAt) };
      },
      Wait: async ({ id }) => {
        const task = this.#task(id);
        await task.exited;
        return { exitStatus: task.exitStatus, exitedAt: timestampFromDate(task.exitedAt ?? new Date()) };
      },
      Kill: ({ id, signal }) => {
        this.#task(id).exit(128 + signal);
        return {};
      },
      Delete: ({ id }) => {
        const { exitStatus, exitedAt } = this.#task(id);
        this.tasks.delete(id);
        return { pid, exitStatus, exitedAt: timestampFromDate(exitedAt ?? new Date()) };
      },
      Pids: ({ id }) => ({
        processes: Array.from({ length: this.processCounts.get(id) ?? 1 }, () => ({ pid, info: undefined })),
      }),
      Connect: ({ id }) => ({ shimPid: pid, taskPid: this.tasks.has(id) ? pid : 0, version: "probe" }),
      Shutdown: () => ({}),
      Pause: unimplemented,
      Resume: unimplemented,
      Checkpoint: unimplemented,
      Exec: unimplemented,
      ResizePty: unimplemented,
      CloseIO: unimplemented,
      Update: unimplemented,
      Stats: unimplemented,
    };
    // Every call is written down before it is served.
    return Object.fromEntries(
      Object.entries(handlers).map(([method, handler]) => [
        method,
        (request: { id: string }, context: CallContext) => {
          this.calls.push({ method, id: request.id, context });
          return (handler as (request: unknown, context: CallContext) => unknown)(request, context);
        },
      ]),
    ) as unknown as Handlers;
  }
}
