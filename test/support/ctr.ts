/** `ctr`, containerd's own client, with types. */
import { type CommandResult, RunningCommand, mustRun, runCommand } from "./command.ts";
import { BUSYBOX_IMAGE } from "./image.ts";
import { until } from "./until.ts";

export interface CtrOptions {
  readonly program: string;
  readonly address: string;
  readonly namespace: string;
  /** Runtime type that new containers get. */
  readonly runtime: string;
  /** Where FIFOs are made. ctr leaves those of detached tasks for whoever deletes the task. */
  readonly fifoDirectory: string;
  /** Told the id of each container that is asked for. */
  readonly onTask?: (id: string) => void;
}

/** How a container is made and its task run. */
export interface RunOptions {
  /** Program and arguments; the image's own without them. */
  readonly args?: readonly string[];
  readonly image?: string;
  readonly runtime?: string;
  readonly snapshotter?: string;
  /** Leave the container when its task has ended. */
  readonly keep?: boolean;
  readonly tty?: boolean;
  readonly nullIo?: boolean;
  readonly logUri?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** As `--mount` takes them: `type=bind,src=/a,dst=/b,options=rbind:ro`. */
  readonly mounts?: readonly string[];
  readonly memoryLimitBytes?: number;
  readonly cpus?: number;
  readonly hostNetwork?: boolean;
  /** A file with the whole spec; no image is used then. */
  readonly config?: string;
  /** File that becomes the runtime options' `ConfigPath`. */
  readonly configPath?: string;
  /** Sandbox to make the container in (containerd 1.7 and later). */
  readonly sandbox?: string;
}

/** How a further process of a task is run. */
export interface ExecOptions {
  readonly tty?: boolean;
  readonly detach?: boolean;
  readonly user?: string;
  readonly cwd?: string;
  readonly logUri?: string;
}

/** A line of `ctr tasks ls`. */
export interface TaskLine {
  readonly id: string;
  readonly pid: number;
  /** `RUNNING`, `STOPPED`, `PAUSED`, … */
  readonly status: string;
}

/** A line of `ctr tasks ps`. */
export interface ProcessLine {
  readonly pid: number;
  /** What the shim said about the process; empty when it said nothing. */
  readonly info: string;
}

const RUN_TIMEOUT_MS = 60_000;

/** One containerd and one namespace, seen through `ctr`. */
export class Ctr {
  readonly options: CtrOptions;

  constructor(options: CtrOptions) {
    this.options = options;
  }

  /** Runs any `ctr` command to its end. */
  async invoke(
    args: readonly string[],
    options: { input?: string | Uint8Array; timeoutMs?: number } = {},
  ): Promise<CommandResult> {
    return runCommand(this.options.program, [...this.#global, ...args], {
      timeoutMs: RUN_TIMEOUT_MS,
      ...options,
    });
  }

  /** Runs a `ctr` command that has to succeed, and gives its output. */
  async must(...args: readonly string[]): Promise<string> {
    return mustRun(this.options.program, [...this.#global, ...args]);
  }

  /** Starts a `ctr` command with a pipe to its standard input. */
  start(
    args: readonly string[],
    options: { readonly onOutput?: (chunk: Buffer) => void } = {},
  ): RunningCommand {
    return new RunningCommand(this.options.program, [...this.#global, ...args], {
      stdin: "pipe",
      ...options,
    });
  }

  /** The words of a command line, for a terminal to run it. */
  commandLine(args: readonly string[]): string[] {
    return [this.options.program, ...this.#global, ...args];
  }

  /** What the server calls its version; undefined while it does not answer. */
  async serverVersion(): Promise<string | undefined> {
    const result = await this.invoke(["version"], { timeoutMs: 10_000 });
    const server = /^Server:\s*\n\s*Version:\s*(\S+)/m.exec(result.stdout.toString("utf8"))?.[1];
    return result.code === 0 ? server : undefined;
  }

  async importImages(archive: string): Promise<void> {
    await this.must("images", "import", archive);
  }

  async images(): Promise<string[]> {
    return lines(await this.must("images", "ls", "-q"));
  }

  /** Runs a container to its end and gives what came out of it, with its exit status. */
  async run(
    id: string,
    options: RunOptions & { readonly input?: string | Uint8Array; readonly timeoutMs?: number } = {},
  ): Promise<CommandResult> {
    const { input, timeoutMs } = options;
    return this.invoke(this.runArguments(id, options), {
      ...(input === undefined ? {} : { input }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  }

  /** Runs a container that the caller talks to. */
  runAttached(id: string, options: RunOptions = {}): RunningCommand {
    return this.start(this.runArguments(id, options));
  }

  /** Starts a container and leaves it running. */
  async runDetached(id: string, options: RunOptions = {}): Promise<void> {
    await this.must(...this.runArguments(id, options, ["--detach"]));
  }

  /** The arguments of `ctr run`. Without `--detach` the container is removed at the end, unless it is to be kept. */
  runArguments(id: string, options: RunOptions, extra: readonly string[] = []): string[] {
    this.options.onTask?.(id);
    const remove = options.keep !== true && !extra.includes("--detach");
    return [
      "run",
      ...extra,
      ...(remove ? ["--rm"] : []),
      ...flag("--tty", options.tty),
      // The FIFO directory and a log URI exclude each other: containerd opens the log without FIFOs.
      ...(options.logUri === undefined
        ? ["--fifo-dir", this.options.fifoDirectory]
        : ["--log-uri", options.logUri]),
      ...this.#createFlags(options),
      ...(options.config === undefined ? [options.image ?? BUSYBOX_IMAGE] : []),
      id,
      ...(options.args ?? []),
    ];
  }

  /** Makes a container without a task. */
  async create(id: string, options: RunOptions = {}): Promise<void> {
    this.options.onTask?.(id);
    await this.must(
      "containers",
      "create",
      ...this.#createFlags(options),
      options.image ?? BUSYBOX_IMAGE,
      id,
      ...(options.args ?? []),
    );
  }

  /** Runs a further process in a task to its end. */
  async exec(
    id: string,
    execId: string,
    args: readonly string[],
    options: ExecOptions & { readonly input?: string | Uint8Array; readonly timeoutMs?: number } = {},
  ): Promise<CommandResult> {
    const { input, timeoutMs } = options;
    return this.invoke(this.execArguments(id, execId, args, options), {
      ...(input === undefined ? {} : { input }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  }

  /** The arguments of `ctr tasks exec`. */
  execArguments(id: string, execId: string, args: readonly string[], options: ExecOptions = {}): string[] {
    return [
      "tasks",
      "exec",
      "--exec-id",
      execId,
      ...flag("--tty", options.tty),
      ...flag("--detach", options.detach),
      ...value("--user", options.user),
      ...value("--cwd", options.cwd),
      ...(options.logUri === undefined
        ? ["--fifo-dir", this.options.fifoDirectory]
        : ["--log-uri", options.logUri]),
      id,
      ...args,
    ];
  }

  async kill(
    id: string,
    signal: string,
    options: { readonly execId?: string; readonly all?: boolean } = {},
  ): Promise<void> {
    await this.must(
      "tasks",
      "kill",
      "--signal",
      signal,
      ...value("--exec-id", options.execId),
      ...flag("--all", options.all),
      id,
    );
  }

  async pause(id: string): Promise<void> {
    await this.must("tasks", "pause", id);
  }

  async resume(id: string): Promise<void> {
    await this.must("tasks", "resume", id);
  }

  async tasks(): Promise<TaskLine[]> {
    const [, ...rows] = lines(await this.must("tasks", "ls"));
    return rows.map((row) => {
      const [id = "", pid = "", status = ""] = row.trim().split(/\s+/);
      return { id, pid: Number(pid), status };
    });
  }

  /** The state of one task; undefined when there is no such task. */
  async status(id: string): Promise<string | undefined> {
    return (await this.tasks()).find((task) => task.id === id)?.status;
  }

  /** Waits until a task is in a state. */
  async untilStatus(id: string, status: string): Promise<void> {
    let last: string | undefined;
    await until(`task "${id}" to be ${status}`, async () => (last = await this.status(id)) === status, {
      state: () => `it is ${last ?? "gone"}`,
    });
  }

  async processes(id: string): Promise<ProcessLine[]> {
    const [, ...rows] = lines(await this.must("tasks", "ps", id));
    return rows.map((row) => {
      const match = /^(?<pid>\d+)\s+(?<info>.*)$/.exec(row);
      const info = match?.groups?.["info"]?.trim() ?? "";
      return { pid: Number(match?.groups?.["pid"]), info: info === "-" ? "" : info };
    });
  }

  /** What `ctr tasks metrics` prints, as JSON. */
  async metrics(id: string): Promise<Record<string, unknown>> {
    return JSON.parse(await this.must("tasks", "metrics", "--format", "json", id)) as Record<string, unknown>;
  }

  /** Follows a task until it ends, then deletes it; the exit status is the task's. */
  attach(id: string): RunningCommand {
    return this.start(["tasks", "attach", id]);
  }

  /**
   * Deletes a task.
   *
   * @returns the task's exit status
   */
  async deleteTask(
    id: string,
    options: { readonly force?: boolean; readonly execId?: string } = {},
  ): Promise<number> {
    const result = await this.invoke([
      "tasks",
      "delete",
      ...flag("--force", options.force),
      ...value("--exec-id", options.execId),
      id,
    ]);
    // Of an init process that did not exit with 0 ctr warns and exits with 0; for an exec it exits as that did.
    const warned = /exit with non-zero exit code (\d+)/.exec(result.stderr)?.[1];
    if (warned !== undefined) return Number(warned);
    if (result.code === undefined || result.stderr.trim() !== "") {
      throw new Error(`cannot delete task "${id}": ${result.stderr.trim()}`);
    }
    return result.code;
  }

  /** Follows the namespace's events; every event after this has returned is in the output. The caller ends it. */
  async followEvents(): Promise<RunningCommand> {
    const events = this.start(["events"]);
    // The subscription says nothing when it begins: it has, once it shows an event of ours.
    await until("the subscription to events", async () => {
      await this.must("images", "label", BUSYBOX_IMAGE, `tick=${performance.now()}`);
      return events.output.includes("/images/update");
    });
    return events;
  }

  /** Deletes a container and its snapshot. */
  async deleteContainer(id: string): Promise<void> {
    await this.must("containers", "delete", id);
  }

  /** Kills a task, deletes it and its container. */
  async remove(id: string): Promise<void> {
    await this.deleteTask(id, { force: true });
    await this.deleteContainer(id);
  }

  async containers(): Promise<string[]> {
    return lines(await this.must("containers", "ls", "-q"));
  }

  async snapshots(): Promise<string[]> {
    const [, ...rows] = lines(await this.must("snapshots", "ls"));
    return rows.map((row) => row.split(/\s+/)[0] ?? "");
  }

  get #global(): string[] {
    return ["--address", this.options.address, "--namespace", this.options.namespace];
  }

  #createFlags(options: RunOptions): string[] {
    return [
      "--runtime",
      options.runtime ?? this.options.runtime,
      ...value("--snapshotter", options.snapshotter),
      ...flag("--null-io", options.nullIo),
      ...pairs("--env", options.env),
      ...pairs("--annotation", options.annotations),
      ...(options.mounts ?? []).flatMap((mount) => ["--mount", mount]),
      ...value("--memory-limit", options.memoryLimitBytes),
      ...value("--cpus", options.cpus),
      ...flag("--net-host", options.hostNetwork),
      ...value("--runtime-config-path", options.configPath),
      ...value("--sandbox", options.sandbox),
      ...value("--config", options.config),
    ];
  }
}

function flag(name: string, wanted: boolean | undefined): string[] {
  return wanted === true ? [name] : [];
}

function value(name: string, given: string | number | undefined): string[] {
  return given === undefined ? [] : [name, String(given)];
}

function pairs(name: string, given: Readonly<Record<string, string>> | undefined): string[] {
  return Object.entries(given ?? {}).flatMap(([key, text]) => [name, `${key}=${text}`]);
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}
