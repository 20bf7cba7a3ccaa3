/**
 * Entry of the long-lived shim process. `start` has bound the socket and handed it over; containerd may be connected
 * before this file runs. What the first requests do not need is loaded when they have been answered.
 */
import { existsSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Any } from "../protos/gen/google.ts";
import { openBackend } from "./backend.ts";
import { BUNDLE_FILE, bundleFile } from "./bootstrap/bundle.ts";
import { HANDOVER_VARIABLE, LISTEN_DESCRIPTOR, OPTIONS_VARIABLE } from "./bootstrap/daemon.ts";
import { ownPrograms } from "./bootstrap/programs.ts";
import { decodeStartInput } from "./bootstrap/stdin.ts";
import { startDeadline, systemClock } from "./clock.ts";
import { messageOf } from "./errors.ts";
import { EventLog } from "./events/event-log.ts";
import { EventPublisher } from "./events/publisher.ts";
import { taskEvents } from "./events/task-events.ts";
import { eventTransport } from "./events/transport.ts";
import { parseFlags, SHIM_FLAGS, shimFlags, type ShimFlags } from "./flags.ts";
import { fifoDestination, stderrDestination } from "./log/destination.ts";
import { formatRecord } from "./log/format.ts";
import { observeDiagnostics } from "./log/diagnostics.ts";
import { Logger, type LogLevel } from "./log/logger.ts";
import { readNodeFile } from "./options/node-file.ts";
import { Options } from "./options/own.ts";
import { readRuntimeOptions, type RuntimeOptions } from "./options/runtime.ts";
import type { PodEnvironment } from "./pod/environment.ts";
import { Timeline } from "./phases/timeline.ts";
import { recorded } from "./recorded.ts";
import { Calls } from "./service/calls.ts";
import { registerDiagService } from "./service/diag-service.ts";
import { registerSandboxService } from "./service/sandbox-service.ts";
import { registerShimDiagService } from "./service/shimdiag-service.ts";
import { Shim, type ShimInit } from "./service/shim.ts";
import { registerStreamingService, StreamRegistry } from "./service/streaming-service.ts";
import { registerTaskService } from "./service/task-service.ts";
import { Server } from "./ttrpc/index.ts";

const OWNER = "containerd-shim-runhcs-v1";

async function serve(): Promise<void> {
  const parsed = parseFlags(process.argv.slice(2), SHIM_FLAGS);
  const flags = shimFlags(parsed);
  const socketPath = parsed.values["socket"] ?? "";
  const runtime = await readRuntimeOptions(startOptions(flags));
  const options = new Options(runtime.own, await readNodeFile());
  const logger = new Logger(logLevel(flags, runtime, options), () => systemClock.now());
  observeDiagnostics(logger);
  reportCrashes(logger);
  adjustOomScore(logger);

  const programs = ownPrograms();
  const platform = await openBackend(options, programs, OWNER);
  const backend = await recorded(platform, options.traceDirectory, flags, logger);
  const publisher = new EventPublisher({
    clock: systemClock,
    namespace: flags.namespace,
    transport: eventTransport({ containerd: flags.address, publishBinary: flags.publishBinary }),
  });
  const log = new EventLog(() => systemClock.now());
  const events = taskEvents((type, message) => {
    log.add(type.typeName, message);
    publisher.publish(type, message);
  });
  const streams = new StreamRegistry();
  const environment: PodEnvironment = {
    backend,
    host: await backend.host(),
    clock: systemClock,
    logger,
    timeline: new Timeline(),
    events,
    namespace: flags.namespace,
    stateDirectory: options.stateDirectory,
    owner: OWNER,
    programDirectory: programs.directory,
    streams,
  };
  const server = new Server();
  let ending: Promise<void> | undefined;
  const end = (reason: string): void => {
    ending ??= shutDown(reason);
  };
  const shutDown = async (reason: string): Promise<void> => {
    logger.info("shim ends", { reason });
    using deadline = startDeadline(systemClock, options.budgetMs("shutdown-flush"), "shutdown-flush");
    // The reply to Shutdown goes out first; waits that are still open end with it.
    await Promise.allSettled([server.shutdown(deadline.signal), publisher.flush(deadline.signal)]);
    await backend.close();
    if (socketPath !== "") removeSocket(socketPath);
    process.exit(0);
  };
  const shim = new Shim({
    id: flags.id,
    ...startedFor(flags),
    environment,
    options,
    onIdle: () => end("nothing is left to serve"),
  });
  const calls = new Calls(logger, systemClock);
  registerTaskService(server, shim, calls, events);
  registerSandboxService(server, shim, calls, () => end("its sandbox was shut down"));
  registerStreamingService(server, streams);
  registerShimDiagService(server, shim, calls);
  registerDiagService(server, shim, calls, log);
  await server.listen(
    process.env[HANDOVER_VARIABLE] === undefined ? { path: socketPath } : { fd: LISTEN_DESCRIPTOR },
  );
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => end(`received ${signal}`));
  endUnlessUsed(shim, options, end);
  attachLog(logger, flags.bundle, options);
}

/** Runtime options as `start` received them on its stdin. */
function startOptions(flags: ShimFlags): Any | undefined {
  const encoded = process.env[OPTIONS_VARIABLE] ?? "";
  delete process.env[OPTIONS_VARIABLE];
  return decodeStartInput(Buffer.from(encoded, "base64"), flags).options;
}

/** Without a spec it is a sandbox of the Sandbox API, whose containers come later. */
function startedFor({ bundle, isSandbox }: ShimFlags): Pick<ShimInit, "startedFor"> {
  if (isSandbox === true) return { startedFor: "sandbox" };
  const hasSpec = bundle !== undefined && existsSync(bundleFile(bundle, "config"));
  return hasSpec ? { startedFor: "standalone" } : {};
}

/** Names that logrus has and we do not. */
const LEVEL_ALIAS: Readonly<Record<string, LogLevel>> = { warning: "warn", fatal: "error", panic: "error" };

function logLevel(flags: ShimFlags, runtime: RuntimeOptions, options: Options): LogLevel {
  const { logLevel: named, debug } = runtime.runhcs;
  const level = (LEVEL_ALIAS[named] ?? (named || options.logLevel)) as LogLevel;
  if (named === "" && level === "info" && (debug || flags.debug)) return "debug";
  return level;
}

/** What nobody catches ends the process; its text goes to the bundle's panic log, and to containerd's log. */
function reportCrashes(logger: Logger): void {
  process.on("uncaughtException", (error, origin) => {
    process.stderr.write(`${origin}: ${error.stack ?? error.message}\n`);
    logger.error("shim crashed", { origin, error: error.message });
    process.exit(70);
  });
}

/** The kernel kills containers before their shim, and the shim before containerd. */
function adjustOomScore(logger: Logger): void {
  const path = "/proc/self/oom_score_adj";
  if (!existsSync(path)) return;
  try {
    writeFileSync(path, String(Math.min(1000, Number(readFileSync(path, "utf8")) + 1)));
  } catch (error) {
    logger.debug("the out-of-memory score stays as it is", { error: messageOf(error) });
  }
}

function removeSocket(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** containerd forgets a shim whose start it could not finish; such a shim must not stay. */
function endUnlessUsed(shim: Shim, options: Options, end: (reason: string) => void): void {
  systemClock.setTimeout(() => {
    if (!shim.wasUsed) end("nothing was created in time");
  }, options.budgetMs("first-create"));
}

/** How long a new process is left alone with the first calls before it loads winston. */
const WINSTON_AFTER_MS = 2000;

/** Lines are written at once, winston or not: a pod that is being created need not wait until it is loaded. */
function attachLog(logger: Logger, bundle: string | undefined, options: Options): void {
  const fifo = bundle === undefined ? undefined : join(bundle, BUNDLE_FILE.log);
  const destination = fifo !== undefined && existsSync(fifo) ? fifoDestination(fifo) : stderrDestination();
  const { logFormat } = options;
  logger.attach((record) => destination.write(formatRecord(record, logFormat)));
  systemClock.setTimeout(() => {
    import("./log/winston-sink.ts").then(
      ({ winstonSink }) => logger.attach(winstonSink(destination, logFormat)),
      (error: unknown) => logger.warn("winston cannot be loaded", { error: messageOf(error) }),
    );
  }, WINSTON_AFTER_MS);
}

serve().catch((error: unknown) => {
  process.stderr.write(`${basename(process.argv[1] ?? "shim")}: ${messageOf(error)}\n`);
  process.exit(1);
});
