/**
 * Processes of the VM itself (null container id): they run in the worker's own namespaces, and the host's
 * connections are their standard streams, with nothing in between. With a console they get a terminal instead.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { accessSync, closeSync, constants, statSync } from "node:fs";
import { constants as os } from "node:os";
import { delimiter, resolve } from "node:path";
import type { Writable } from "node:stream";
import { openPseudoTerminal } from "../../posix/libc.ts";
import { GuestError, RESULT } from "./errors.ts";
import type { Reaper } from "./reaper.ts";
import type { ProcessParameters } from "./requests.ts";
import { splitShellWords } from "./shell-words.ts";
import { TerminalStdio } from "./stdio.ts";
import { closeStdio, type StdioConnections } from "./stdio-ports.ts";
import { Terminal } from "./terminal.ts";

export interface VmProcess {
  readonly pid: number;
  /** Exit status, or 128 + signal, once the process has exited. Never rejects. */
  readonly finished: Promise<number>;
}

interface Program {
  readonly path: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

const SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Starts the process. Takes over the connections, also when it fails. */
export async function startVmProcess(
  parameters: ProcessParameters,
  connections: StdioConnections,
  reaper: Reaper,
): Promise<VmProcess> {
  try {
    const program = findProgram(parameters);
    return parameters.EmulateConsole === true
      ? await startWithTerminal(program, connections, reaper)
      : await startWithSockets(program, connections, reaper);
  } catch (error) {
    closeStdio(connections);
    throw error;
  }
}

function findProgram(parameters: ProcessParameters): Program {
  const [name, ...args] = parameters.CommandArgs ?? wordsOf(parameters.CommandLine ?? "");
  if (name === undefined || name === "") throw new GuestError(RESULT.failed, "no program to start is given");
  const cwd = parameters.WorkingDirectory ?? "/";
  if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new GuestError(RESULT.failed, `cannot start "${name}": working directory "${cwd}" does not exist`);
  }
  const env: Record<string, string> = { PATH: SEARCH_PATH };
  for (const [key, value] of Object.entries(parameters.Environment ?? {})) env[key] = String(value);
  return { path: findExecutable(name, cwd, env["PATH"] ?? SEARCH_PATH), args: [name, ...args], cwd, env };
}

function wordsOf(commandLine: string): string[] {
  try {
    return splitShellWords(commandLine);
  } catch (error) {
    throw new GuestError(RESULT.failed, `cannot split command line`, { cause: error });
  }
}

function findExecutable(name: string, cwd: string, searchPath: string): string {
  const candidates = name.includes("/")
    ? [resolve(cwd, name)]
    : searchPath.split(delimiter).map((directory) => resolve(cwd, directory, name));
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  throw new GuestError(RESULT.failed, `cannot start "${name}": no such program`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Absent, or not accessible: not a program either way.
    return false;
  }
}

async function startWithSockets(
  { path, args, cwd, env }: Program,
  connections: StdioConnections,
  reaper: Reaper,
): Promise<VmProcess> {
  const stdio = [connections.stdin, connections.stdout, connections.stderr].map(
    (socket) => socket ?? "ignore",
  );
  const child = spawn(path, args.slice(1), {
    argv0: args[0] ?? path,
    cwd,
    env,
    stdio,
  });
  reaper.adopt(child);
  const finished = exitOf(child);
  await started(child, path);
  // The process has its own descriptors of them: closing ours sends nothing to the host.
  closeStdio(connections);
  return { pid: pidOf(child), finished };
}

async function startWithTerminal(
  program: Program,
  connections: StdioConnections,
  reaper: Reaper,
): Promise<VmProcess> {
  const { pid, exited, terminal } = await startOnTerminal(program, reaper);
  const stdio = new TerminalStdio(terminal);
  stdio.attach(connections);
  const finish = async (): Promise<number> => {
    const status = await exited;
    await stdio.finish();
    return status;
  };
  return { pid, finished: finish() };
}

interface TerminalProcess {
  readonly pid: number;
  /** Exit status, or 128 + signal. Never rejects. */
  readonly exited: Promise<number>;
  /** Its master side, which the caller has to destroy. */
  readonly terminal: Terminal;
}

async function startOnTerminal({ path, args, cwd, env }: Program, reaper: Reaper): Promise<TerminalProcess> {
  const { master, slave } = openPseudoTerminal();
  const terminal = new Terminal(master);
  try {
    // setsid(1) makes the terminal the controlling one, which Node cannot, and becomes the program.
    const child = spawn("setsid", ["--ctty", path, ...args.slice(1)], {
      cwd,
      env,
      stdio: [slave, slave, slave],
    });
    reaper.adopt(child);
    const exited = exitOf(child);
    await started(child, path);
    return { pid: pidOf(child), exited, terminal };
  } catch (error) {
    terminal.destroy();
    throw error;
  } finally {
    closeSync(slave);
  }
}

/** The shell that a kernel command line ends with, on the VM's serial port, until it is left. */
export async function startConsoleShell(port: SerialPort, reaper: Reaper): Promise<void> {
  const { exited, terminal } = await startOnTerminal(findProgram({ CommandArgs: ["sh"] }), reaper);
  terminal.output.pipe(port.output, { end: false });
  port.input = terminal.input;
  await exited;
  port.input = undefined;
  terminal.destroy();
}

/** The VM's side of a serial port. */
export interface SerialPort {
  readonly output: Writable;
  /** Gets what is typed. */
  input: Writable | undefined;
}

function started(child: ChildProcess, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) => {
      reject(new GuestError(RESULT.failed, `cannot start "${path}"`, { cause: error }));
    });
  });
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : os.signals[signal])));
  });
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new GuestError(RESULT.failed, "process has no id");
  return child.pid;
}
