/**
 * Everything one pod needs of the process that hosts it: its socket and services, its logger, its way to containerd. Nothing
 * of it is global, so a process can host one pod or many.
 */
import { existsSync } from "node:fs";
import { openBackend } from "../backend.ts";
import { bundleFile } from "../bootstrap/bundle.ts";
import type { Programs } from "../bootstrap/programs.ts";
import { decodeStartInput } from "../bootstrap/stdin.ts";
import { startDeadline, systemClock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { EventLog } from "../events/event-log.ts";
import { EventPublisher } from "../events/publisher.ts";
import { taskEvents } from "../events/task-events.ts";
import { eventTransport } from "../events/transport.ts";
import type { ShimFlags } from "../flags.ts";
import { nowhereDestination, type LogDestination } from "../log/destination.ts";
import { formatRecord } from "../log/format.ts";
import { Logger, type LogLevel } from "../log/logger.ts";
import { readNodeFile } from "../options/node-file.ts";
import { Options } from "../options/own.ts";
import { readRuntimeOptions, type RuntimeOptions } from "../options/runtime.ts";
import type { PodEnvironment, Takeover } from "../pod/environment.ts";
import { Timeline } from "../phases/timeline.ts";
import { identifyProcess } from "../platform/process-identity.ts";
import { servingPlatform } from "../platform/serving.ts";
import { Calls } from "../service/calls.ts";
import { registerDiagService } from "../service/diag-service.ts";
import { registerSandboxService } from "../service/sandbox-service.ts";
import { registerShimDiagService } from "../service/shimdiag-service.ts";
import { Shim, type ShimInit } from "../service/shim.ts";
import { registerStreamingService, StreamRegistry } from "../service/streaming-service.ts";
import { registerTaskService } from "../service/task-service.ts";
import { recorded } from "../recorded.ts";
import { TaskExit } from "../../protos/gen/events.ts";
import type { MessageType } from "../../protos/types.ts";
import { recordedEvents } from "../events/recorded-events.ts";
import { platformReclaimers } from "../resources/platform-reclaimers.ts";
import { readTakeover, TakeoverRecords, type TaskFacts } from "../resources/takeover-records.ts";
import { Server, type ConnectionObserver } from "../ttrpc/index.ts";
import { CallLedger, readLedger, type OwedCalls } from "./takeover/call-ledger.ts";
import { heldBackend, socketOn, type HeldStreams } from "./takeover/held-backend.ts";
import type { Handle, PodHolder } from "./takeover/holder.ts";
import { nextPortOf, takeOverPod } from "./takeover/take-over.ts";
import { IdleTrim, trimMemory } from "./idle-trim.ts";
import type { PodOrder } from "./order.ts";
import type { SpareVms } from "./spare-vms.ts";

const OWNER = "containerd-shim-runhcs-v1";

/** A pod has the process to itself: no other will be made here. */
let isTaken = false;

/** Memory is the process's, whichever pod was busy. Spares and shared processes keep what makes the next pod fast. */
const PROCESS_TRIM = new IdleTrim({
  clock: systemClock,
  resident: () => process.memoryUsage.rss(),
  trim: () => trimMemory({ forgetsCode: isTaken }),
  onFailure: (error) => process.stderr.write(`memory is not given back: ${messageOf(error)}\n`),
});

/** A pod's place in a process. */
export interface HostedPod {
  /** Serves no more, delivers what is outstanding, and calls `onEnd`. What still runs in the pod is lost. Idempotent. */
  end(reason: string): void;
}

export interface HostPodOptions {
  readonly programs: Programs;
  /** Gives the server its listening socket. */
  readonly listen: (server: Server) => Promise<unknown>;
  /** Gets the pod's logger before anything is done. */
  readonly onLogger?: (logger: Logger) => void;
  /** Of a shared process: keeps what must outlive it. */
  readonly holder?: PodHolder;
  /** Another process had the pod and died; these were held for it, by name. */
  readonly inheritedHandles?: Map<string, Handle>;
  /** Of the process: VMs that were booted before there was a pod. */
  readonly spares?: SpareVms | undefined;
  /** Nothing is logged or recorded. */
  readonly isQuiet?: true;
  /** It is over. */
  readonly onEnd: () => void;
}

/**
 * Serves a pod. Resolves when it accepts connections.
 *
 * @throws when its options cannot be followed, no backend exists here, or its socket cannot be had
 */
export async function hostPod(order: PodOrder, options: HostPodOptions): Promise<HostedPod> {
  const { flags, environment: variables } = order;
  if (!order.isShared && options.isQuiet !== true) isTaken = true;
  const runtime = await readRuntimeOptions(decodeStartInput(order.startInput, flags).options);
  const podOptions = new Options(runtime.own, await readNodeFile(variables));
  const logger = new Logger(logLevel(flags, runtime, podOptions), () => systemClock.now());
  options.onLogger?.(logger);
  const serving = await servingPlatform();
  const takeover = planTakeover(order, options, podOptions);
  const platform = await openBackend(podOptions, options.programs, OWNER, options.spares);
  const backend = await recorded(
    options.holder === undefined ? platform : heldBackend(platform, options.holder, takeover?.streams),
    options.isQuiet === true ? "" : podOptions.traceDirectory,
    flags,
    logger,
  );
  const publisher = new EventPublisher({
    clock: systemClock,
    namespace: flags.namespace,
    transport: eventTransport({
      containerd: flags.address,
      publishBinary: flags.publishBinary,
      environment: variables,
    }),
  });
  const log = new EventLog(() => systemClock.now());
  const records = options.holder === undefined ? undefined : new TakeoverRecords(flags.id);
  const told = taskEvents((type, message) => {
    log.add(type.typeName, message);
    publisher.publish(type, message, records === undefined ? undefined : exitTold(records, type, message));
  });
  const events = records === undefined ? told : recordedEvents(told, records, systemClock);
  const streams = new StreamRegistry();
  const self = await identifyProcess(process.pid);
  const environment: PodEnvironment = {
    backend,
    host: await backend.host(),
    clock: systemClock,
    logger,
    timeline: new Timeline(),
    events,
    namespace: flags.namespace,
    stateDirectory: podOptions.stateDirectory,
    ...(order.isShared ? { isShared: true } : {}),
    ...(self === undefined ? {} : { processStartTime: self.startTime }),
    owner: OWNER,
    programDirectory: options.programs.directory,
    streams,
    ...(options.holder === undefined ? {} : { holder: options.holder }),
    ...(records === undefined ? {} : { records }),
    ...(takeover === undefined ? {} : { takeover: takeover.plan }),
  };
  const ledger = options.holder === undefined ? undefined : new CallLedger(ledgerPath(flags));
  const server = new Server(
    options.holder === undefined || ledger === undefined
      ? {}
      : { observer: heldConnections(options.holder, ledger) },
  );
  const timers: (() => void)[] = [];
  let destination = nowhereDestination();
  let ending: Promise<void> | undefined;
  const end = (reason: string): void => {
    ending ??= shutDown(reason);
  };
  const shutDown = async (reason: string): Promise<void> => {
    logger.info("shim ends", { reason });
    for (const cancel of timers) cancel();
    using deadline = startDeadline(systemClock, podOptions.budgetMs("shutdown-flush"), "shutdown-flush");
    // The reply to Shutdown goes out first; waits that are still open end with it.
    await Promise.allSettled([server.shutdown(deadline.signal), publisher.flush(deadline.signal)]);
    // A process that goes on with other pods must not keep this one's connection to containerd.
    await publisher.close();
    await backend.close();
    ledger?.close();
    serving.removeSocket(order.socketPath);
    // A process may go on with other pods, one of the same name among them.
    destination.close();
    options.onEnd();
  };
  const shim = new Shim({
    id: flags.id,
    ...startedFor(flags),
    environment,
    options: podOptions,
    onIdle: () => end("nothing is left to serve"),
  });
  const calls = new Calls(logger, systemClock, (now) => PROCESS_TRIM.touch(now));
  registerTaskService(server, shim, calls, events);
  registerSandboxService(server, shim, calls, () => end("its sandbox was shut down"));
  registerStreamingService(server, streams);
  registerShimDiagService(server, shim, calls);
  registerDiagService(server, shim, calls, log);
  const { namespace, id, bundle } = flags;
  if (options.isQuiet !== true)
    destination = serving.openLog({ namespace, id, bundle, debugType: runtime.runhcs.debugType });
  if (takeover !== undefined) await takeOverPod(shim, takeover.tasks);
  await options.listen(server);
  if (takeover !== undefined) resumeConnections(server, takeover);
  // containerd forgets a shim whose start it could not finish; such a shim must not stay.
  timers.push(
    systemClock.setTimeout(() => {
      if (!shim.wasUsed) end("nothing was created in time");
    }, podOptions.budgetMs("first-create")),
  );
  if (options.isQuiet !== true) timers.push(attachLog(logger, destination, podOptions));
  return { end };
}

/** Everything that is known of a pod whose process died. */
interface PodTakeover {
  readonly tasks: readonly TaskFacts[];
  readonly streams: HeldStreams;
  readonly plan: Takeover;
  /** What was owed on each connection, by its number in the process that died. */
  readonly owed: ReadonlyMap<number, OwedCalls>;
}

function planTakeover(
  { flags }: PodOrder,
  { inheritedHandles }: HostPodOptions,
  podOptions: Options,
): PodTakeover | undefined {
  if (inheritedHandles === undefined) return undefined;
  const tasks = readTakeover(flags.bundle ?? "", flags.id);
  const nextPort = nextPortOf(tasks);
  return {
    tasks,
    streams: { handles: inheritedHandles, nextPort },
    plan: {
      // Far beyond any number that was used: an answer to the process that died must not be taken for one to this.
      guestOf: () => ({ id: BigInt(systemClock.now()) << 20n, port: nextPort }),
      reclaimers: () => platformReclaimers(podOptions),
    },
    owed: readLedger(ledgerPath(flags)),
  };
}

function ledgerPath({ bundle }: ShimFlags): string {
  return bundleFile(bundle ?? "", "calls");
}

const CONNECTION = "connection:";

/** Has the keeper hold connections, and writes down what is owed on them. */
function heldConnections(holder: PodHolder, ledger: CallLedger): ConnectionObserver {
  return {
    onOpened: ({ id }, stream) => holder.hold(`${CONNECTION}${process.pid}:${id}`, stream),
    onClosed: (connection) => ledger.onClosed(connection),
    onPending: (connection, streamId, request) => ledger.onPending(connection, streamId, request),
    onAnswered: (connection, streamId) => ledger.onAnswered(connection, streamId),
    onPartial: (connection, isPartial) => ledger.onPartial(connection, isPartial),
  };
}

/** Goes on with the connections of the process that died, where it had read whole requests. */
function resumeConnections(server: Server, { streams, owed }: PodTakeover): void {
  for (const [name, handle] of streams.handles) {
    if (!name.startsWith(CONNECTION)) continue;
    streams.handles.delete(name);
    const calls = owed.get(Number(name.slice(name.lastIndexOf(":") + 1)));
    if (calls?.isCut === true) handle.close();
    else server.handleConnection(socketOn(handle), calls?.pending);
  }
  // Of what is open here by now, or of nobody any more.
  for (const handle of streams.handles.values()) handle.close();
  streams.handles.clear();
}

/** Notes that containerd knows of an exit, once it does. */
function exitTold(
  records: TakeoverRecords,
  type: MessageType<unknown>,
  message: Partial<TaskExit>,
): (() => void) | undefined {
  if (type.typeName !== TaskExit.typeName) return undefined;
  const { containerId = "", id = "" } = message;
  return () => records.note(containerId, id === containerId ? "" : id, { isExitTold: true });
}

/** Without a spec it is a sandbox of the Sandbox API, whose containers come later. */
function startedFor({ bundle, isSandbox }: ShimFlags): Pick<ShimInit, "startedFor"> {
  if (isSandbox === true) return { startedFor: "sandbox" };
  const hasSpec = bundle !== undefined && existsSync(bundleFile(bundle, "config"));
  return hasSpec ? { startedFor: "standalone" } : {};
}

function logLevel(flags: ShimFlags, runtime: RuntimeOptions, options: Options): LogLevel {
  const level = runtime.logLevel ?? (options.logLevel as LogLevel);
  if (runtime.logLevel === undefined && level === "info" && (runtime.runhcs.debug || flags.debug))
    return "debug";
  return level;
}

/** How long a new pod is left alone with its first calls before winston is loaded. */
const WINSTON_AFTER_MS = 2000;

/**
 * Lines are written at once, winston or not: a pod that is being created need not wait until it is loaded.
 *
 * @returns what calls the loading off
 */
function attachLog(logger: Logger, destination: LogDestination, options: Options): () => void {
  const { logFormat } = options;
  logger.attach((record) => destination.write(formatRecord(record, logFormat)));
  return systemClock.setTimeout(() => {
    import("../log/winston-sink.ts").then(
      ({ winstonSink }) => logger.attach(winstonSink(destination, logFormat)),
      (error: unknown) => logger.warn("winston cannot be loaded", { error: messageOf(error) }),
    );
  }, WINSTON_AFTER_MS);
}
