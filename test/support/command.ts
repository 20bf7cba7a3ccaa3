/** Runs programs and collects what they say. Every run has a limit: a program that hangs is killed and named. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Writable } from "node:stream";

const DEFAULT_TIMEOUT_MS = 60_000;

/** How a program ended. */
export interface CommandResult {
  /** Exit status; undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Written to the program's standard input, which is then closed. Without it the input is /dev/null. */
  readonly input?: string | Uint8Array;
  /** Added to this process's environment; a key set to undefined is removed. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** After this the program is killed and the run rejects. One minute unless said otherwise. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A program that did not do what was asked of it. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly result: CommandResult;

  constructor(command: string, outcome: string, result: CommandResult) {
    const said = `${result.stderr.trim()} ${result.stdout.toString("utf8").trim().slice(-2000)}`.trim();
    super(`cannot run "${command}": ${outcome}${said === "" ? "" : `: ${said}`}`);
    this.result = result;
  }
}

/** A program that is running, with what it has written so far. */
export class RunningCommand {
  readonly command: string;
  readonly child: ChildProcess;
  /** Settles when the program has ended and its output is complete. Never rejects. */
  readonly ended: Promise<CommandResult>;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];

  constructor(
    file: string,
    args: readonly string[],
    options: Omit<CommandOptions, "input"> & {
      readonly stdin?: "pipe";
      /** Receives standard output instead of it being collected: for output that is large. */
      readonly onOutput?: (chunk: Buffer) => void;
    } = {},
  ) {
    this.command = [file, ...args].join(" ");
    this.child = spawn(file, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: [options.stdin ?? "ignore", "pipe", "pipe"],
      ...(options.signal === undefined ? {} : { signal: options.signal, killSignal: "SIGKILL" as const }),
    });
    this.child.stdout?.on("data", options.onOutput ?? ((chunk: Buffer) => this.#stdout.push(chunk)));
    this.child.stderr?.on("data", (chunk: Buffer) => this.#stderr.push(chunk));
    this.ended = new Promise((resolve) => {
      let failure = "";
      this.child.once("error", (error) => {
        failure = error.message;
        // Node reports a program that it could not start by this event alone.
        if (this.child.pid === undefined) resolve(this.#result(undefined, undefined, failure));
      });
      this.child.once("close", (code, signal) =>
        resolve(this.#result(code ?? undefined, signal ?? undefined, failure)),
      );
    });
  }

  /** The program's standard input. Only for a program that was started with `stdin: "pipe"`. */
  get stdin(): Writable {
    const { stdin } = this.child;
    if (stdin === null)
      throw new Error(`cannot write to "${this.command}": it was started without a standard input`);
    return stdin;
  }

  /** What the program has written to standard output so far. */
  get output(): string {
    return Buffer.concat(this.#stdout).toString("utf8");
  }

  /** What the program has written to standard error so far. */
  get errors(): string {
    return Buffer.concat(this.#stderr).toString("utf8");
  }

  get isRunning(): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    this.child.kill(signal);
  }

  /** Waits for the end, or kills the program after `timeoutMs` and rejects with what it had said. */
  async wait(timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<CommandResult> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), timeoutMs);
    });
    const outcome = await Promise.race([this.ended, late]);
    clearTimeout(timer);
    if (outcome !== "late") return outcome;
    this.kill();
    // Whoever inherited the pipes may keep them open: what was said until now has to do.
    throw new CommandError(
      this.command,
      `still running after ${timeoutMs} ms`,
      this.#result(undefined, undefined, ""),
    );
  }

  #result(code: number | undefined, signal: NodeJS.Signals | undefined, failure: string): CommandResult {
    return { code, signal, stdout: Buffer.concat(this.#stdout), stderr: failure + this.errors };
  }
}

/** Runs a program to its end, whatever its exit status. */
export async function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { input, timeoutMs, ...rest } = options;
  const running = new RunningCommand(file, args, {
    ...rest,
    ...(input === undefined ? {} : { stdin: "pipe" }),
  });
  if (input !== undefined) {
    // A program that ends without reading its input is not a failure of ours.
    running.stdin.on("error", () => undefined);
    running.stdin.end(input);
  }
  return running.wait(timeoutMs);
}

/**
 * Runs a program that has to succeed.
 *
 * @returns its standard output without the last line break
 * @throws {CommandError} when it ends with anything but 0
 */
export async function mustRun(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await runCommand(file, args, options);
  if (result.code !== 0) {
    const outcome =
      result.code === undefined ? `ended by ${result.signal ?? "an error"}` : `exit status ${result.code}`;
    throw new CommandError([file, ...args].join(" "), outcome, result);
  }
  return result.stdout.toString("utf8").trimEnd();
}
