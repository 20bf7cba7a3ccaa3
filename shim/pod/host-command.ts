/**
 * Programs that people run where a pod is, beside its containers, with stdio of their own (`hcsctl diag exec`): in its VM,
 * or on the machine itself for a pod that has none.
 */
import type { HcsProcess } from "../../hcs/api.ts";
import type { ProcessParameters } from "../../hcs/schema/process.ts";
import { joinArguments } from "../../oci/windows/command-line.ts";
import { abortable } from "../clock.ts";
import { ShimError } from "../errors.ts";
import { Relay } from "../io/relay.ts";
import { openStdio } from "../io/stdio.ts";
import type { StdioRequest } from "../io/upstream.ts";
import type { Phases } from "../phases/phases.ts";
import type { StreamFlags } from "../task/container.ts";
import type { PodEnvironment } from "./environment.ts";
import { startOnMachine } from "./machine-process.ts";
import type { Uvm } from "./vm/uvm.ts";

export interface HostCommand {
  readonly args: readonly string[];
  /** Empty: the guest's root. */
  readonly workingDirectory: string;
  readonly stdio: Omit<StdioRequest, "namespace" | "containerId" | "execId">;
}

/** What programs of the VM itself get, by its operating system. */
const SURROUNDINGS: Readonly<Record<"linux" | "windows", (args: readonly string[]) => ProcessParameters>> = {
  linux: (args) => ({
    CommandArgs: [...args],
    WorkingDirectory: "/",
    Environment: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
  }),
  windows: (args) => ({
    CommandLine: joinArguments(args),
    User: "NT AUTHORITY\\SYSTEM",
    WorkingDirectory: "C:\\",
  }),
};

/** Starts the program of a command, with these streams. */
export type StartProgram = (
  command: HostCommand,
  streams: StreamFlags,
  signal: AbortSignal,
) => Promise<HcsProcess>;

export function inVm({ guest }: Uvm): StartProgram {
  return ({ args, workingDirectory, stdio }, streams, signal) => {
    const parameters = {
      ...SURROUNDINGS[guest.os](args),
      ...(workingDirectory === "" ? {} : { WorkingDirectory: workingDirectory }),
      ...pipes(streams, stdio.terminal),
    };
    return guest.createProcess(parameters, { signal });
  };
}

/** @throws {ShimError} UNSUPPORTED for a program that wants a terminal */
export const onMachine: StartProgram = ({ args, workingDirectory, stdio }, streams) => {
  if (stdio.terminal)
    throw new ShimError("UNSUPPORTED", `cannot run "${args.join(" ")}" on a terminal: its pod has no VM`);
  return startOnMachine(args, workingDirectory, streams);
};

/**
 * Runs a program until it has ended, or the caller has gone: then it is killed.
 *
 * @param podId names it in reports
 * @returns its exit code
 */
export async function runHostCommand(
  start: StartProgram,
  command: HostCommand,
  environment: PodEnvironment,
  podId: string,
  phases: Phases,
  signal: AbortSignal,
): Promise<number> {
  const { backend, clock, streams, namespace, dialPipe } = environment;
  const subject = { namespace, containerId: podId, execId: "diag" };
  const upstream = await phases.run("stdio-open", (budget) =>
    openStdio(
      { ...command.stdio, ...subject },
      {
        signal: AbortSignal.any([budget, signal]),
        clock,
        transport: backend.traits.stdio,
        streams,
        ...(dialPipe === undefined ? {} : { namedPipes: { connect: dialPipe } }),
      },
    ),
  );
  // Nobody sends CloseIO for it: its input ends with the client. That of a named pipe ends with the connection anyway.
  if (backend.traits.stdio === "fifo") upstream.closeStdin();
  const wanted = {
    stdin: upstream.stdin !== undefined,
    stdout: upstream.stdout !== undefined,
    stderr: upstream.stderr !== undefined,
  };
  const process = await phases
    .run("process-create", async (budget) => start(command, wanted, budget))
    .catch(async (error: unknown) => {
      await upstream.close();
      throw error;
    });
  const relay = new Relay(process, upstream, { clock, subject, isAlive: () => Promise.resolve(true) });
  try {
    const { exitCode } = await abortable(process.exited, signal);
    relay.processEnded();
    await phases.run("drain", (budget) => relay.drained(budget));
    return exitCode;
  } catch (error) {
    if (signal.aborted) await phases.run("signal", (budget) => process.terminate({ signal: budget }));
    throw error;
  } finally {
    await relay.close();
    await process.close();
  }
}

function pipes({ stdin, stdout, stderr }: StreamFlags, terminal: boolean): ProcessParameters {
  return {
    ...(terminal ? { EmulateConsole: true } : {}),
    ...(stdin ? { CreateStdInPipe: true } : {}),
    ...(stdout ? { CreateStdOutPipe: true } : {}),
    ...(stderr ? { CreateStdErrPipe: true } : {}),
  };
}

/** @throws {ShimError} NOT_ISOLATED */
export function requireVm(uvm: Uvm | undefined, podId: string, verb: string): Uvm {
  if (uvm !== undefined) return uvm;
  throw new ShimError("NOT_ISOLATED", `cannot ${verb} pod "${podId}": it has no VM`);
}
