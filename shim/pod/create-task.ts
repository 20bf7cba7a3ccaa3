/**
 * Makes a task: its stdio, its journal, whatever it runs in, and the task itself. All or nothing.
 */
import type { Readable, Writable } from "node:stream";
import { messageOf, ShimError } from "../errors.ts";
import { Relay } from "../io/relay.ts";
import { openStdio } from "../io/stdio.ts";
import type { StdioRequest, UpstreamStdio } from "../io/upstream.ts";
import type { LogFields } from "../log/logger.ts";
import { Phases } from "../phases/phases.ts";
import { Holdings } from "../resources/holdings.ts";
import { FileJournal, type Holding } from "../resources/journal.ts";
import type { TaskContainer } from "../task/container.ts";
import type { TaskEnvironment, TaskEvents } from "../task/environment.ts";
import { Task } from "../task/task.ts";
import type { PodEnvironment } from "./environment.ts";
import type { CreateRequest } from "./request.ts";

/** What a task's pod answers for it. */
export interface TaskSurroundings {
  readonly events: TaskEvents;
  /** See {@link TaskEnvironment.beforeExit}. */
  beforeExit(): Promise<void>;
  /** See {@link TaskEnvironment.beforeInitExit}. */
  beforeInitExit(task: Task): Promise<void>;
  /** The pod's VM was closed by its owner; otherwise it was lost. */
  isVmEndExpected(): boolean;
  /** Its VM is gone: nothing inside is held any more. */
  isVmGone(): boolean;
}

/** Phases of the task that is being created, for a verb. */
export type PhasesOf = (verb: string) => Phases;

/** Status of a process whose VM was lost: nobody knows how it ended. */
export const UNKNOWN_STATUS = 0xffff_ffff;

/** @param inherited what an earlier process holds for the task, which is taken over instead of made */
export async function createTask(
  environment: PodEnvironment,
  request: CreateRequest,
  surroundings: TaskSurroundings,
  createContainer: (holdings: Holdings, phasesOf: PhasesOf) => Promise<TaskContainer>,
  inherited?: readonly Holding[],
): Promise<Task> {
  const taskEnvironment = environmentOfTask(environment, request, surroundings);
  const phasesOf: PhasesOf = (verb) => taskEnvironment.phases(verb, request.id);
  const phases = phasesOf("create");
  const { namespace, stateDirectory } = environment;
  const openJournal =
    environment.openJournal ??
    ((place) =>
      FileJournal.open(
        place,
        inherited?.map(({ key }) => key),
      ));
  const journal = openJournal({
    ...(environment.isShared === true ? { isShared: true } : {}),
    ...(environment.processStartTime === undefined ? {} : { startTime: environment.processStartTime }),
    bundle: request.bundle,
    stateDirectory,
    namespace,
    id: request.id,
  });
  const holdings = new Holdings(journal, inherited);
  let upstream: UpstreamStdio | undefined;
  try {
    upstream = await taskEnvironment.openStdio(
      {
        ...request.stdio,
        terminal: request.terminal,
        namespace: environment.namespace,
        containerId: request.id,
      },
      phases,
    );
    const container = await createContainer(holdings, phasesOf);
    return new Task({
      id: request.id,
      namespace: environment.namespace,
      bundle: request.bundle,
      terminal: request.terminal,
      upstream,
      container,
      journal,
      holdings,
      environment: taskEnvironment,
    });
  } catch (error) {
    await upstream?.close();
    if (surroundings.isVmGone()) holdings.forgetVm();
    try {
      await rollBack(holdings, phases, error);
    } finally {
      journal.close();
    }
    throw error;
  }
}

/** The cause of the failure stays the error; what could not be undone stays in the journal, and is told. */
async function rollBack(holdings: Holdings, phases: Phases, cause: unknown): Promise<void> {
  try {
    await phases.run("layers-release", (signal) => holdings.end(signal));
  } catch (error) {
    throw new ShimError("RELEASE_FAILED", `${messageOf(cause)}; and then: ${messageOf(error)}`, { cause });
  }
}

function environmentOfTask(
  environment: PodEnvironment,
  request: CreateRequest,
  surroundings: TaskSurroundings,
): TaskEnvironment {
  const { clock, logger, backend, timeline } = environment;
  const budgetMs: TaskEnvironmentBudget = (phase) => request.options.budgetMs(phase);
  return {
    events: surroundings.events,
    now: () => clock.now(),
    phases: (verb, task, exec, signal) =>
      new Phases(
        { clock, timeline, budgetMs, around: environment.aroundPhase },
        { verb, task, ...(exec === undefined ? {} : { exec }) },
        signal,
      ),
    openStdio: (stdio, phases) => open(environment, stdio, phases),
    relay: (exec, process, isAlive) => {
      // Not before: a client ends its input when somebody reads it and its call has returned.
      keepOpen(environment, exec.upstream.paths.stdin, exec.upstream.stdin, "read");
      return new Relay(process, exec.upstream, {
        clock,
        subject: {
          namespace: environment.namespace,
          containerId: request.id,
          ...(exec.isInit ? {} : { execId: exec.id }),
        },
        isAlive,
      });
    },
    beforeExit: () => surroundings.beforeExit(),
    beforeInitExit: (task) => surroundings.beforeInitExit(task),
    lostStatus: () => (surroundings.isVmEndExpected() ? backend.traits.terminatedExitCode : UNKNOWN_STATUS),
    report: (task, message, error) => {
      const fields: LogFields = { task: task.id, error: messageOf(error) };
      logger.warn(message, fields);
    },
  };
}

type TaskEnvironmentBudget = (phase: Parameters<CreateRequest["options"]["budgetMs"]>[0]) => number;

async function open(
  environment: PodEnvironment,
  stdio: StdioRequest,
  phases: Phases,
): Promise<UpstreamStdio> {
  const { backend, clock, streams, dialPipe } = environment;
  if (stdio.terminal && stdio.stderr !== "" && backend.traits.terminalStderr === "refused") {
    throw new ShimError(
      "TERMINAL_STDERR",
      `cannot open stdio of "${stdio.containerId}": a terminal has no stderr (found "${stdio.stderr}")`,
    );
  }
  const upstream = await phases.run("stdio-open", (signal) =>
    openStdio(stdio, {
      signal,
      clock,
      transport: backend.traits.stdio,
      streams,
      ...(dialPipe === undefined ? {} : { namedPipes: { connect: dialPipe } }),
    }),
  );
  for (const output of ["stdout", "stderr"] as const)
    keepOpen(environment, upstream.paths[output], upstream[output], "write");
  return upstream;
}

/** As long as the stream is open here, it is open elsewhere, too. */
function keepOpen(
  { holder }: PodEnvironment,
  path: string,
  stream: Readable | Writable | undefined,
  mode: "read" | "write",
): void {
  if (holder === undefined || stream === undefined || !path.startsWith("/")) return;
  const release = holder.holdPath(path, mode);
  for (const end of ["finish", "close"]) stream.once(end, release);
}
