/** A container of an engine: its life, its processes, its files. */
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { isObject, type JsonObject } from "../../oci/json.ts";
import type { GuestCommand } from "../../oci/network/guest-command.ts";
import type { Any } from "../../protos/gen/google.ts";
import { LINUX_RESOURCES_URL, WINDOWS_RESOURCES_URL } from "../../protos/type-urls.ts";
import { linuxResources, windowsResources, type Limits } from "./options/limits.ts";
import type { ContainerRecord, Engine, TaskState } from "./engine.ts";
import { messageOf } from "../errors.ts";
import { ClientError, isNotFound } from "./errors.ts";
import { logStdio, openStdio, type ClientStdio } from "./io/stdio.ts";
import { copyFiles } from "./files/copy.ts";
import { stagingTransport } from "./files/staging-transport.ts";
import { tarTransport } from "./files/tar-transport.ts";
import type { CopyOptions, CopyResult, FileCopy, FileTransport } from "./files/transport.ts";
import { readNetworkRecord, type JoinedNetwork } from "./network/join.ts";
import { followFile } from "./io/follow.ts";
import type { GuestOs, ProcessOptions } from "./options/options.ts";
import { LABEL, userFilesOf } from "./plan.ts";
import { processInfo, type ContainerProcessInfo } from "./process-info.ts";
import { startedProcess, type ContainerProcess, type ProcessExit } from "./process.ts";
import { signalNumber, signalOfExit } from "./signals.ts";
import { ociProcess } from "./spec/process.ts";
import { needsLookup } from "./spec/users.ts";
import type { TaskExit } from "./engine.ts";
import { usageOf, type ContainerUsage } from "./usage.ts";

export interface StreamOptions {
  /**
   * `pipe`: streams of the process that {@link ContainerProcess} has. `log`: output into the container's log file, no input.
   * `ignore`: nowhere.
   */
  readonly output?: "pipe" | "log" | "ignore";
  /** The process has an input; with `output: "pipe"` only. */
  readonly input?: boolean;
}

export interface ContainerStatistics {
  readonly timestamp: Date;
  /** A message of the type its URL names. */
  readonly data: Any;
}

export type ContainerStatus = "created" | "running" | "paused" | "stopped" | "unknown";

export interface ContainerInfo {
  readonly id: string;
  readonly status: ContainerStatus;
  /** 0 until it runs. */
  readonly pid: number;
  readonly exit?: ProcessExit;
  readonly os: GuestOs;
  readonly image?: string;
  readonly createdAt: Date;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: JsonObject;
}

export interface ContainerInit {
  readonly id: string;
  readonly engine: Engine;
  /** The client's own, for this container. */
  readonly directory: string;
  /** Asked before those that every client has. */
  readonly transports?: readonly FileTransport[];
  /** Gives back what the container has in the host's networks. */
  readonly leaveNetwork: () => Promise<void>;
  /** Told of what is done otherwise than asked for. */
  readonly warn: (warning: string) => void;
}

/** How long a container is given to end by itself before it is killed, when it is stopped. */
const GRACE_MS = 10_000;

export class Container implements AsyncDisposable {
  readonly id: string;
  readonly #engine: Engine;
  readonly #directory: string;
  readonly #init: ContainerInit;

  constructor(init: ContainerInit) {
    this.id = init.id;
    this.#engine = init.engine;
    this.#directory = init.directory;
    this.#init = init;
  }

  /** Output of processes whose output goes to the log. */
  get logFile(): string {
    return join(this.#directory, "output.log");
  }

  /** What it is, and what became of it. @throws {ClientError} NotFound */
  async info(): Promise<ContainerInfo> {
    const record = await this.#record();
    const state = await this.#engine.tasks.state(this.id);
    const os = osOf(record);
    return {
      id: this.id,
      status: state === undefined ? "created" : state.status,
      pid: state?.pid ?? 0,
      ...(state?.exit === undefined ? {} : { exit: exitOn(os)(state.exit) }),
      os,
      ...(record.rootfs.kind === "image" ? { image: record.rootfs.image } : {}),
      createdAt: record.createdAt,
      labels: record.labels,
      spec: record.spec,
    };
  }

  /** Starts its own process. One that has ended before is forgotten first. @throws {ClientError} FailedPrecondition */
  async start({ output = "log", input = false }: StreamOptions = {}): Promise<ContainerProcess> {
    const record = await this.#record();
    const before = await this.#engine.tasks.state(this.id);
    if (before !== undefined) await this.#forgetEnded(before);
    const process = isObject(record.spec["process"]) ? record.spec["process"] : {};
    const terminal = process["terminal"] === true;
    const stdio = await this.#stdio({ output, input, terminal });
    const { tasks } = this.#engine;
    try {
      await tasks.create(this.id, stdio?.task ?? this.#fileStdio(output, terminal));
      const pid = await tasks.start(this.id).catch(async (error: unknown) => {
        await tasks.delete(this.id).catch(() => undefined);
        throw error;
      });
      stdio?.started();
      await this.#finishNetwork().catch(async (error: unknown) => {
        await this.stop({ graceMs: 0 });
        throw error;
      });
      return startedProcess({
        engine: this.#engine,
        containerId: this.id,
        execId: "",
        pid,
        stdio,
        exitOf: exitOn(osOf(record)),
        onEnd: () => Promise.resolve(),
      });
    } catch (error) {
      await stdio?.close();
      throw error;
    }
  }

  /** Runs a further process in it. @throws {ClientError} FailedPrecondition when it does not run */
  async spawn(
    options: ProcessOptions,
    { output = "pipe", input = false }: StreamOptions = {},
  ): Promise<ContainerProcess> {
    const record = await this.#record();
    const os = osOf(record);
    const terminal = options.terminal ?? false;
    const process = await furtherProcess(record, os, options, this.#engine);
    const stdio = await this.#stdio({ output, input, terminal });
    const execId = `exec-${randomUUID()}`;
    const { tasks } = this.#engine;
    try {
      const task = stdio?.task ?? this.#fileStdio(output, terminal);
      await tasks.exec(this.id, execId, process, task);
      const pid = await tasks.start(this.id, execId).catch(async (error: unknown) => {
        await tasks.delete(this.id, execId).catch(() => undefined);
        throw error;
      });
      stdio?.started();
      return startedProcess({
        engine: this.#engine,
        containerId: this.id,
        execId,
        pid,
        stdio,
        exitOf: exitOn(os),
        onEnd: async () => {
          await tasks.delete(this.id, execId);
        },
      });
    } catch (error) {
      await stdio?.close();
      throw error;
    }
  }

  /** @param signal its name or number. @param options.all every process of the container */
  async kill(
    signal: string | number = "SIGTERM",
    { all = false }: { readonly all?: boolean } = {},
  ): Promise<void> {
    await this.#engine.tasks.kill(this.id, signalNumber(signal), { all });
  }

  /** Waits until its own process has ended. */
  async wait(signal?: AbortSignal): Promise<ProcessExit> {
    const record = await this.#record();
    return exitOn(osOf(record))(await this.#engine.tasks.wait(this.id, "", signal));
  }

  /** Asks it to end, and kills it when the grace period is over. One that does not run is left as it is. */
  async stop({
    graceMs = GRACE_MS,
    signal = "SIGTERM",
  }: { readonly graceMs?: number; readonly signal?: string | number } = {}): Promise<
    ProcessExit | undefined
  > {
    const record = await this.#record();
    const state = await this.#engine.tasks.state(this.id);
    if (state === undefined) return undefined;
    if (state.exit !== undefined) return exitOn(osOf(record))(state.exit);
    const ended = this.#engine.tasks.wait(this.id, "");
    // Waited for below, also when a signal is refused in between.
    ended.catch(() => undefined);
    if (graceMs > 0) {
      await this.#signal(signalNumber(signal));
      await expiry(graceMs, ended);
    }
    const after = await this.#engine.tasks.state(this.id);
    if (after?.exit === undefined) await this.#signal(signalNumber("SIGKILL"));
    return exitOn(osOf(record))(await ended);
  }

  /** Copies files or directories into it: one result each, failures among them. @throws {ClientError} */
  upload(copies: readonly FileCopy[], options: CopyOptions = {}): Promise<CopyResult[]> {
    return copyFiles("upload", this, copies, this.#transports, options);
  }

  /** Copies files or directories out of it. @throws {ClientError} */
  download(copies: readonly FileCopy[], options: CopyOptions = {}): Promise<CopyResult[]> {
    return copyFiles("download", this, copies, this.#transports, options);
  }

  /** The network it was given by its switch's name, and how its settings came to be. */
  get network(): JoinedNetwork | undefined {
    return readNetworkRecord(this.#directory)?.joined;
  }

  /** Its processes, by the numbers of whoever runs them. */
  async processes(): Promise<ContainerProcessInfo[]> {
    return (await this.#engine.tasks.pids(this.id)).map(processInfo);
  }

  /**
   * What the platform measures of it: `io.containerd.cgroups.v1.Metrics` or its like for Linux containers on the emulator,
   * `containerd.runhcs.stats.v1.Statistics` on Windows. Undefined when it does not run.
   */
  statistics(): Promise<ContainerStatistics | undefined> {
    return this.#engine.tasks.metrics(this.id);
  }

  /** {@link statistics} in words that are the same everywhere; the part of processors is told by two of them (`cpuPercent`). */
  async usage(): Promise<ContainerUsage | undefined> {
    const measured = await this.statistics();
    return measured && usageOf(measured.timestamp, measured.data);
  }

  /** @throws {ClientError} where containers cannot be paused */
  async pause(): Promise<void> {
    await this.#engine.tasks.pause(this.id);
  }

  async resume(): Promise<void> {
    await this.#engine.tasks.resume(this.id);
  }

  /** Changes limits of a running container; those of its VM, where the container has one to itself. */
  async update(limits: Limits, processors: number = availableParallelism()): Promise<void> {
    const isLinux = osOf(await this.#record()) === "linux";
    const resources = isLinux ? linuxResources(limits, processors) : windowsResources(limits, processors);
    await this.#engine.tasks.update(this.id, {
      typeUrl: isLinux ? LINUX_RESOURCES_URL : WINDOWS_RESOURCES_URL,
      value: Buffer.from(JSON.stringify(resources ?? {})),
    });
  }

  /** What its processes have written into the log, and (`follow`) go on writing until the container ends. */
  log({
    follow = false,
    signal,
  }: { readonly follow?: boolean; readonly signal?: AbortSignal } = {}): AsyncIterable<Buffer> {
    return followFile(this.logFile, follow ? { end: this.wait(signal) } : {});
  }

  /** Stops it by force and removes it with all it had. Doing so again is success. */
  async destroy(): Promise<void> {
    const { tasks, containers } = this.#engine;
    const state = await tasks.state(this.id);
    if (state !== undefined) {
      if (state.status !== "stopped" && state.pid !== 0) {
        const ended = tasks.wait(this.id, "");
        await this.#signal(signalNumber("SIGKILL"), true);
        await ended.catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
      }
    }
    await tasks.delete(this.id);
    await containers.delete(this.id);
    await this.#init.leaveNetwork();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy();
  }

  get #transports(): readonly FileTransport[] {
    return [...(this.#init.transports ?? []), stagingTransport, tarTransport];
  }

  async #record(): Promise<ContainerRecord> {
    const record = await this.#engine.containers.find(this.id);
    if (record !== undefined) return record;
    throw new ClientError("NotFound", `there is no container "${this.id}"`, { id: this.id });
  }

  /** What the endpoint does not have of its static settings, a program in the container applies. */
  async #finishNetwork(): Promise<void> {
    const { command, isBestEffort = false } = this.network ?? {};
    if (command === undefined) return;
    try {
      await this.#applyInside(command);
    } catch (error) {
      const action = `cannot apply the network settings of container "${this.id}"`;
      const message = `${action}: ${messageOf(error)}`;
      if (!isBestEffort) throw new ClientError("FailedPrecondition", message, { cause: error, id: this.id });
      this.#init.warn(message);
    }
  }

  async #applyInside({ args, env, applied }: GuestCommand): Promise<void> {
    const process = await this.spawn({ args, env });
    const [output, said] = await Promise.all(
      [process.stdout, process.stderr].map(async (stream) =>
        stream === undefined ? "" : (await buffer(stream)).toString("utf8").trim(),
      ),
    );
    const { exitCode } = await process.wait();
    if (exitCode === 0 && output?.endsWith(applied) === true) return;
    throw new Error(said || `${args[0]} ended with status ${exitCode} and has not done it`);
  }

  async #forgetEnded({ status }: TaskState): Promise<void> {
    if (status !== "stopped")
      throw new ClientError("FailedPrecondition", `cannot start container "${this.id}": it is ${status}`, {
        id: this.id,
        status,
      });
    await this.#engine.tasks.delete(this.id);
  }

  /** Whoever has ended in the meantime needs no signal. */
  async #signal(signal: number, all = false): Promise<void> {
    try {
      await this.#engine.tasks.kill(this.id, signal, { all });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async #stdio({
    output,
    input,
    terminal,
  }: Required<StreamOptions> & { readonly terminal: boolean }): Promise<ClientStdio | undefined> {
    if (output !== "pipe") return undefined;
    return openStdio({ stdin: input, stdout: true, stderr: true, terminal });
  }

  #fileStdio(output: "pipe" | "log" | "ignore", terminal: boolean): ClientStdio["task"] {
    if (output === "log") return logStdio(this.logFile, terminal);
    return { stdin: "", stdout: "", stderr: "", terminal };
  }
}

function osOf({ labels, spec }: ContainerRecord): GuestOs {
  const named = labels[LABEL.os];
  if (named === "linux" || named === "windows") return named;
  return spec["linux"] === undefined && spec["windows"] !== undefined ? "windows" : "linux";
}

/** A further process is like the container's own, but for what it is told. */
async function furtherProcess(
  { spec, rootfs }: ContainerRecord,
  os: GuestOs,
  options: ProcessOptions,
  engine: Engine,
): Promise<JsonObject> {
  const own = isObject(spec["process"]) ? spec["process"] : {};
  // A command line of its own would be taken before these arguments.
  const { commandLine: _, ...inherited } = own;
  const { env, cwd } = own as { env?: string[]; cwd?: string };
  const image = { Env: env ?? [], WorkingDir: cwd ?? "" };
  const isNamed = os === "linux" && options.user !== undefined && needsLookup(options.user);
  const userFiles = isNamed && rootfs.kind === "image" ? await userFilesOf(engine, rootfs.image) : undefined;
  const process = ociProcess({ ...options, os, image, ...(userFiles === undefined ? {} : { userFiles }) });
  return {
    ...inherited,
    args: process["args"],
    env: process["env"],
    cwd: process["cwd"],
    terminal: process["terminal"],
    ...(options.user === undefined ? {} : { user: process["user"] }),
  };
}

/** An exit code of Windows says nothing of signals. */
function exitOn(os: GuestOs): (exit: TaskExit) => ProcessExit {
  return (exit) => {
    const signal = os === "linux" ? signalOfExit(exit.exitCode) : undefined;
    return { ...exit, ...(signal === undefined ? {} : { signal }) };
  };
}

async function expiry(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([promise.then(() => undefined), limit]);
  clearTimeout(timer);
}
