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
import type { PodEnvironment } from "../pod/environment.ts";
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
import { Server } from "../ttrpc/index.ts";
import { IdleTrim, trimMemory } from "./idle-trim.ts";
import type { PodOrder } from "./order.ts";

const OWNER = "containerd-shim-runhcs-v1";

/** Memory is the process's, whichever pod was busy. A heap that cannot be trimmed stays as it is. */
const PROCESS_TRIM = new IdleTrim(systemClock, () => void trimMemory().catch(() => undefined));

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
  const runtime = await readRuntimeOptions(decodeStartInput(order.startInput, flags).options);
  const podOptions = new Options(runtime.own, await readNodeFile(variables));
  const logger = new Logger(logLevel(flags, runtime, podOptions), () => systemClock.now());
  options.onLogger?.(logger);
  const serving = await servingPlatform();
  const platform = await openBackend(podOptions, options.programs, OWNER);
  const backend = await recorded(
    platform,
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
  const events = taskEvents((type, message) => {
    log.add(type.typeName, message);
    publisher.publish(type, message);
  });
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
  };
  const server = new Server();
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
    await backend.close();
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
  const calls = new Calls(logger, systemClock, () => PROCESS_TRIM.touch());
  registerTaskService(server, shim, calls, events);
  registerSandboxService(server, shim, calls, () => end("its sandbox was shut down"));
  registerStreamingService(server, streams);
  registerShimDiagService(server, shim, calls);
  registerDiagService(server, shim, calls, log);
  const { namespace, id, bundle } = flags;
  if (options.isQuiet !== true)
    destination = serving.openLog({ namespace, id, bundle, debugType: runtime.runhcs.debugType });
  await options.listen(server);
  // containerd forgets a shim whose start it could not finish; such a shim must not stay.
  timers.push(
    systemClock.setTimeout(() => {
      if (!shim.wasUsed) end("nothing was created in time");
    }, podOptions.budgetMs("first-create")),
  );
  if (options.isQuiet !== true) timers.push(attachLog(logger, destination, podOptions));
  return { end };
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
