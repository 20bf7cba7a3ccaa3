/**
 * The Task service: v2 and v3 have the same messages under two names, so one set of handlers serves both. No logic
 * here: requests are read, handed to pods and tasks, and their answers written.
 */
import { parseJson } from "../../hcs/json.ts";
import { readProcess, type Process } from "../../oci/spec.ts";
import { packAny } from "../../protos/any.ts";
import type { Any, Timestamp } from "../../protos/gen/google.ts";
import { ProcessDetails } from "../../protos/gen/runhcs.ts";
import { ProcessDetails as LinuxProcessDetails } from "../../protos/gen/runc.ts";
import * as v2 from "../../protos/gen/task-v2.ts";
import * as v3 from "../../protos/gen/task-v3.ts";
import { ProcessInfo, Status } from "../../protos/gen/types.ts";
import { timestampFromDate, timestampFromText, ZERO_TIME } from "../../protos/timestamp.ts";
import type { ServiceDescriptor, ServiceHandlers } from "../../protos/types.ts";
import { messageOf, ShimError } from "../errors.ts";
import type { EventSink } from "../events/task-events.ts";
import { statsPayload } from "../stats/stats.ts";
import { NOT_EXITED, type ExitRecord } from "../task/exec.ts";
import type { TaskProcess, TaskSnapshot } from "../task/task.ts";
import type { CallContext } from "../ttrpc/index.ts";
import type { Calls } from "./calls.ts";
import { prepareCreate } from "./prepare.ts";
import type { Shim } from "./shim.ts";

/** Whatever serves services: a ttrpc server, or one who calls the handlers itself. */
export interface ServiceRegistry {
  register<S extends ServiceDescriptor>(service: S, handlers: ServiceHandlers<S, CallContext>): unknown;
}

type Handlers = ServiceHandlers<typeof v2.Task, CallContext>;

export function registerTaskService(
  server: ServiceRegistry,
  shim: Shim,
  calls: Calls,
  events: EventSink,
): void {
  const handlers = taskHandlers(shim, calls, events);
  server.register(v2.Task, handlers);
  server.register(v3.Task, handlers);
}

function taskHandlers(shim: Shim, calls: Calls, events: EventSink): Handlers {
  const { environment } = shim;
  const { traits } = environment.backend;
  return {
    Create: calls.wrap("Create", async (request) => {
      const prepared = await prepareCreate(request, shim.options, environment.logger, environment.backend);
      const task = await shim.create(prepared);
      events.created(task, request);
      // Nothing has been started. containerd asks Connect for a pid.
      return { pid: task.init.pid };
    }),

    Start: calls.wrap("Start", async ({ id, execId }) => ({ pid: await shim.find(id).task.start(execId) })),

    Delete: calls.wrap("Delete", async ({ id, execId }) => {
      const { pod, task } = shim.find(id);
      const record = await pod.delete(task, execId);
      return { pid: record.pid, ...exitOf(record) };
    }),

    Exec: calls.wrap("Exec", async (request) => {
      const { task } = shim.find(request.id);
      await task.addExec({
        id: request.execId,
        process: processOf(request.spec, request.execId),
        stdio: {
          stdin: request.stdin,
          stdout: request.stdout,
          stderr: request.stderr,
          terminal: request.terminal,
        },
      });
      environment.records?.execAdded(request.id, request.execId, v2.ExecProcessRequest.encode(request));
      return {};
    }),

    Kill: calls.wrap("Kill", async ({ id, execId, signal, all }) => {
      const { pod, task } = shim.find(id);
      await pod.kill(task, execId, signal, all);
      return {};
    }),

    State: calls.wrap("State", ({ id, execId }) => {
      const { task } = shim.find(id);
      return stateOf(id, task.bundle, task.snapshot(execId));
    }),

    Wait: calls.wrap("Wait", async ({ id, execId }, context) =>
      exitOf(await shim.find(id).task.exec(execId).wait(context.signal)),
    ),

    Pids: calls.wrap("Pids", async ({ id }) => {
      const { task } = shim.find(id);
      const isLinux = traits.statistics === "cgroups";
      const details = !isLinux
        ? windowsDetails
        : task.container.os === "windows"
          ? foreignDetails
          : linuxDetails;
      const pids = await task.pids();
      return {
        processes: pids.map((process) => ProcessInfo.create({ pid: process.pid, info: details(process) })),
      };
    }),

    Stats: calls.wrap("Stats", async ({ id }) => ({
      stats: statsPayload(traits.statistics, await shim.find(id).task.statistics()),
    })),

    Pause: calls.wrap("Pause", async ({ id }) => {
      requirePause(traits.pause, "pause", id);
      await shim.find(id).task.pause();
      return {};
    }),

    Resume: calls.wrap("Resume", async ({ id }) => {
      requirePause(traits.pause, "resume", id);
      await shim.find(id).task.resume();
      return {};
    }),

    Checkpoint: calls.wrap("Checkpoint", ({ id }) => {
      throw new ShimError(
        "UNSUPPORTED",
        `cannot checkpoint task "${id}": compute systems have no checkpoints`,
      );
    }),

    ResizePty: calls.wrap("ResizePty", async ({ id, execId, width, height }) => {
      // Terminals count in 16 bits.
      await shim.find(id).task.resize(execId, { width: width & 0xffff, height: height & 0xffff });
      return {};
    }),

    CloseIO: calls.wrap("CloseIO", ({ id, execId }) => {
      shim.find(id).task.closeStdin(execId);
      environment.records?.note(id, execId, { isStdinClosed: true });
      return {};
    }),

    Update: calls.wrap("Update", async ({ id, resources, annotations }) => {
      if (resources === undefined) {
        throw new ShimError("REQUEST_INVALID", `cannot update task "${id}": resources are missing`);
      }
      const { task } = shim.find(id);
      await task.update(lastPart(resources.typeUrl), jsonOf(resources, "resources"), annotations);
      return {};
    }),

    Connect: calls.wrap("Connect", ({ id }) => ({
      shimPid: process.pid,
      // Never 0: a client that sees 0 does not kill.
      taskPid: findPid(shim, id) || process.pid,
      version: "",
    })),

    Shutdown: calls.wrap("Shutdown", () => {
      shim.requestShutdown();
      return {};
    }),
  };
}

function findPid(shim: Shim, id: string): number {
  const pod = shim.pods().find((candidate) => candidate.find(id) !== undefined);
  return pod?.find(id)?.init.pid ?? 0;
}

function requirePause(supported: boolean, verb: string, id: string): void {
  if (!supported)
    throw new ShimError("UNSUPPORTED", `cannot ${verb} task "${id}": this platform cannot pause containers`);
}

function exitOf(record: ExitRecord): { exitStatus: number; exitedAt: Timestamp } {
  return { exitStatus: record.status, exitedAt: timestampFromDate(new Date(record.at)) };
}

function stateOf(id: string, bundle: string, { exec, status }: TaskSnapshot): v2.StateResponse {
  return {
    id,
    bundle,
    pid: exec.pid,
    status: Status[status],
    ...exec.paths,
    terminal: exec.terminal,
    exitStatus: exec.exit?.status ?? NOT_EXITED,
    exitedAt: exec.exit === undefined ? ZERO_TIME : timestampFromDate(new Date(exec.exit.at)),
    execId: exec.id,
  };
}

/** The spec of an Exec is JSON whatever its type URL says. */
function processOf(spec: Any | undefined, execId: string): Process {
  if (spec === undefined)
    throw new ShimError("REQUEST_INVALID", `cannot create exec "${execId}": its spec is missing`);
  return readProcess(jsonOf(spec, "spec"), "/process");
}

function jsonOf(any: Any, field: string): unknown {
  try {
    return parseJson(Buffer.from(any.value).toString("utf8"));
  } catch (cause) {
    throw new ShimError(
      "REQUEST_INVALID",
      `invalid ${field} of type ${any.typeUrl}: not JSON: ${messageOf(cause)}`,
      { cause },
    );
  }
}

function lastPart(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}

function linuxDetails({ execId }: TaskProcess): Any | undefined {
  return execId === undefined ? undefined : packAny(LinuxProcessDetails, { execId });
}

function windowsDetails(process: TaskProcess): Any {
  return packAny(ProcessDetails, windowsProcess(process));
}

/** containerd on Linux has clients that know the message of Linux alone. */
function foreignDetails(process: TaskProcess): Any {
  return packAny(LinuxProcessDetails, { execId: process.execId ?? "", windows: windowsProcess(process) });
}

function windowsProcess({ pid, execId, entry }: TaskProcess): ProcessDetails {
  const { CreateTimestamp } = entry;
  return ProcessDetails.create({
    processId: pid,
    execId: execId ?? "",
    imageName: entry.ImageName ?? "",
    ...(CreateTimestamp === undefined ? {} : { createdAt: timestampFromText(CreateTimestamp) }),
    kernelTime100Ns: BigInt(entry.KernelTime100ns ?? 0),
    userTime100Ns: BigInt(entry.UserTime100ns ?? 0),
    memoryCommitBytes: BigInt(entry.MemoryCommitBytes ?? 0),
    memoryWorkingSetPrivateBytes: BigInt(entry.MemoryWorkingSetPrivateBytes ?? 0),
    memoryWorkingSetSharedBytes: BigInt(entry.MemoryWorkingSetSharedBytes ?? 0),
  });
}
