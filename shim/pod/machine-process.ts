/** A program on the shim's own machine, in the shape of a process of a VM: for pods that have none. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Duplex, type Readable, type Writable } from "node:stream";
import type { HcsProcess, ProcessExit, ProcessStdio, SignalOutcome } from "../../hcs/api.ts";
import type { StreamFlags } from "../task/container.ts";
import { ShimError } from "../errors.ts";

/** What Windows reports for a program that was ended from outside, and shells for one that a signal ended. */
const KILLED = 137;

/** @throws {ShimError} GUEST_COMMAND_FAILED when there is no such program or directory */
export async function startOnMachine(
  args: readonly string[],
  workingDirectory: string,
  streams: StreamFlags,
): Promise<HcsProcess> {
  const [program = "", ...rest] = args;
  const child = spawn(program, rest, {
    ...(workingDirectory === "" ? {} : { cwd: workingDirectory }),
    stdio: (["stdin", "stdout", "stderr"] as const).map((name) => (streams[name] ? "pipe" : "ignore")),
    windowsHide: true,
  });
  const ended = once(child, "exit") as Promise<[number | null, string | null]>;
  const exited = ended.then(([code]): ProcessExit => ({ exitCode: code ?? KILLED }));
  exited.catch(() => undefined);
  try {
    await once(child, "spawn");
  } catch (cause) {
    const message = `cannot run "${args.join(" ")}" on this machine: ${(cause as Error).message}`;
    throw new ShimError("GUEST_COMMAND_FAILED", message, { cause });
  }
  return new MachineProcess(child, exited);
}

class MachineProcess implements HcsProcess {
  readonly processId: number;
  readonly stdio: ProcessStdio;
  readonly exited: Promise<ProcessExit>;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, exited: Promise<ProcessExit>) {
    this.#child = child;
    this.processId = child.pid ?? 0;
    this.exited = exited;
    const { stdin, stdout, stderr } = child;
    this.stdio = {
      ...(stdin === null ? {} : { stdin: asDuplex(stdin) }),
      ...(stdout === null ? {} : { stdout: asDuplex(stdout) }),
      ...(stderr === null ? {} : { stderr: asDuplex(stderr) }),
    };
  }

  signal(): Promise<SignalOutcome> {
    return this.terminate();
  }

  async terminate(): Promise<SignalOutcome> {
    return this.#child.kill("SIGKILL") ? "delivered" : "gone";
  }

  resize(): Promise<void> {
    return Promise.reject(new ShimError("UNSUPPORTED", "cannot resize: the program has no terminal"));
  }

  async closeStdin(): Promise<void> {
    this.#child.stdin?.end();
  }

  async close(): Promise<void> {}
}

/** Pipes to a child are sockets, on every platform; the types know one half of them. */
function asDuplex(pipe: Readable | Writable): Duplex {
  if (!(pipe instanceof Duplex)) throw new TypeError("a pipe to a child is no socket");
  // That the program has closed its input is nothing to say: its exit tells.
  return pipe.on("error", () => undefined);
}
