/**
 * Running runc: each call is one invocation of the program. What `create` and `exec` start becomes a child of this
 * process when runc has exited (it is process 1 of its namespace), so the reaper knows its exit status.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringifyJson } from "../../json.ts";
import { ConsoleSocket } from "./console-socket.ts";
import { GuestError, RESULT } from "./errors.ts";
import type { OciProcess, OciResources } from "./oci.ts";
import type { Reaper } from "./reaper.ts";
import { Terminal } from "./terminal.ts";

/** File descriptors for the standard streams of the new process, or a new terminal for all three. */
export type LaunchStdio = { readonly child: readonly (number | "ignore")[] } | "terminal";

export interface Launched {
  /** In the pid namespace of this process. */
  readonly pid: number;
  /** Exit status, or 128 + signal. */
  readonly exited: Promise<number>;
  /** Present when the process was launched with one. */
  readonly terminal?: Terminal;
}

export interface RuncOptions {
  /** Where runc keeps its state. */
  readonly root: string;
  /** A directory for files that live as long as one invocation. Short: it holds unix sockets. */
  readonly temporary: string;
  readonly reaper: Reaper;
  readonly command?: string;
}

/** What runc's messages mean. The first match counts. */
const MEANINGS: readonly (readonly [RegExp, number])[] = [
  [/container .*does not exist/, RESULT.notFound],
  [/container with .*\bid\b.* (already )?exists|already exists/i, RESULT.alreadyExists],
  [/invalid (container )?id/i, RESULT.invalidArgument],
  [/not stopped|still running/, RESULT.invalidState],
  [/not running/, RESULT.alreadyStopped],
];

export function resultOfRuncText(text: string): number {
  return MEANINGS.find(([pattern]) => pattern.test(text))?.[1] ?? RESULT.failed;
}

/** The text of the last error in runc's JSON log; undefined when it holds none. */
export function lastError(log: string): string | undefined {
  for (const line of log.split("\n").reverse()) {
    const entry = parseLogLine(line);
    if (entry?.level === "error" && typeof entry.msg === "string") return entry.msg;
  }
  return undefined;
}

function parseLogLine(line: string): { level?: unknown; msg?: unknown } | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as { level?: unknown; msg?: unknown };
  } catch {
    // A line cut short: runc was killed while it wrote.
    return undefined;
  }
}

const SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export class Runc {
  readonly #options: RuncOptions;
  #invocations = 0;

  constructor(options: RuncOptions) {
    this.#options = options;
  }

  /** `runc create`: the init process exists afterwards and waits for {@link start}. */
  create(id: string, bundle: string, stdio: LaunchStdio): Promise<Launched> {
    return this.#launch(stdio, (flags) => ["create", "--bundle", bundle, ...flags, id]);
  }

  /** `runc start`: lets the init process run its program. */
  async start(id: string): Promise<void> {
    await this.#inDirectory((directory) => this.#run(directory, ["start", id]));
  }

  /** `runc exec`: another process in a container. */
  exec(id: string, process: OciProcess, stdio: LaunchStdio): Promise<Launched> {
    return this.#launch(stdio, (flags, directory) => {
      const file = join(directory, "process.json");
      writeFileSync(file, stringifyJson(process), { mode: 0o600 });
      return ["exec", "--detach", "--process", file, ...flags, id];
    });
  }

  /** `runc update`. */
  async update(id: string, resources: OciResources): Promise<void> {
    await this.#inDirectory((directory) =>
      this.#run(directory, ["update", "--resources", "-", id], { input: stringifyJson(resources) }),
    );
  }

  /** `runc delete --force`: also kills what still runs. A container that runc does not know is success. */
  async delete(id: string): Promise<void> {
    await this.#inDirectory((directory) => this.#run(directory, ["delete", "--force", id]));
  }

  async #launch(
    stdio: LaunchStdio,
    argumentsFor: (flags: readonly string[], directory: string) => readonly string[],
  ): Promise<Launched> {
    const launch = this.#options.reaper.beginLaunch();
    try {
      return await this.#inDirectory(async (directory) => {
        const pidFile = join(directory, "pid");
        const flags = ["--pid-file", pidFile];
        if (stdio !== "terminal") {
          await this.#run(directory, argumentsFor(flags, directory), { stdio: stdio.child });
          return readLaunched(pidFile, launch);
        }
        const consolePath = join(directory, "console");
        const console = await ConsoleSocket.listen(consolePath);
        try {
          await this.#run(directory, argumentsFor([...flags, "--console-socket", consolePath], directory));
          return { ...readLaunched(pidFile, launch), terminal: new Terminal(await console.receive()) };
        } finally {
          console.close();
        }
      });
    } finally {
      launch.end();
    }
  }

  async #inDirectory<T>(action: (directory: string) => Promise<T>): Promise<T> {
    this.#invocations += 1;
    const directory = join(this.#options.temporary, String(this.#invocations));
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    try {
      return await action(directory);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  async #run(
    directory: string,
    args: readonly string[],
    options: { readonly stdio?: readonly (number | "ignore")[]; readonly input?: string } = {},
  ): Promise<void> {
    const log = join(directory, "log");
    const status = await this.#spawn(
      ["--root", this.#options.root, "--log", log, "--log-format", "json", ...args],
      options,
    );
    if (status === 0) return;
    const text = lastError(readIfThere(log)) ?? `runc ${args[0] ?? ""} ended with status ${status}`;
    throw new GuestError(resultOfRuncText(text), text);
  }

  #spawn(
    args: readonly string[],
    options: { readonly stdio?: readonly (number | "ignore")[]; readonly input?: string },
  ): Promise<number | string> {
    return new Promise((resolve, reject) => {
      const child = spawn(this.#options.command ?? "runc", args, {
        cwd: "/",
        env: { PATH: process.env["PATH"] ?? SEARCH_PATH },
        stdio: [...(options.stdio ?? [options.input === undefined ? "ignore" : "pipe", "ignore", "ignore"])],
      });
      this.#options.reaper.adopt(child);
      child.once("error", (error) =>
        reject(new GuestError(RESULT.failed, "cannot run runc", { cause: error })),
      );
      child.once("exit", (code, signal) => resolve(code ?? `signal ${signal ?? "unknown"}`));
      // runc may end without reading its input; its status tells why.
      child.stdin?.on("error", () => undefined);
      child.stdin?.end(options.input);
    });
  }
}

function readLaunched(pidFile: string, launch: { claim(pid: number): Promise<number> }): Launched {
  const pid = Number(readFileSync(pidFile, "utf8"));
  if (!Number.isInteger(pid) || pid <= 0) throw new GuestError(RESULT.failed, "runc wrote no process id");
  return { pid, exited: launch.claim(pid) };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
