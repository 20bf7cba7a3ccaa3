/** Programs that people run in a VM, beside its containers, with stdio of their own (`hcsctl diag exec`). */
import type { ProcessParameters } from "../../../hcs/schema/process.ts";
import { joinArguments } from "../../../oci/windows/command-line.ts";
import { abortable } from "../../clock.ts";
import { ShimError } from "../../errors.ts";
import { Relay } from "../../io/relay.ts";
import { openStdio } from "../../io/stdio.ts";
import type { StdioRequest, UpstreamStdio } from "../../io/upstream.ts";
import type { Phases } from "../../phases/phases.ts";
import type { PodEnvironment } from "../environment.ts";
import type { Uvm } from "./uvm.ts";

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

/**
 * Runs a program until it has ended, or the caller has gone: then it is killed.
 *
 * @param podId names it in reports
 * @returns its exit code
 */
export async function runHostCommand(
  uvm: Uvm,
  { args, workingDirectory, stdio }: HostCommand,
  environment: PodEnvironment,
  podId: string,
  phases: Phases,
  signal: AbortSignal,
): Promise<number> {
  const { backend, clock, streams, namespace, dialPipe } = environment;
  const { guest } = uvm;
  const subject = { namespace, containerId: podId, execId: "diag" };
  const upstream = await phases.run("stdio-open", (budget) =>
    openStdio(
      { ...stdio, ...subject },
      {
        signal: AbortSignal.any([budget, signal]),
        clock,
        transport: backend.traits.stdio,
        streams,
        ...(dialPipe === undefined ? {} : { namedPipes: { connect: dialPipe } }),
      },
    ),
  );
  const parameters = {
    ...SURROUNDINGS[guest.os](args),
    ...(workingDirectory === "" ? {} : { WorkingDirectory: workingDirectory }),
    ...pipes(upstream, stdio.terminal),
  };
  const process = await phases
    .run("process-create", (budget) => guest.createProcess(parameters, { signal: budget }))
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

function pipes(upstream: UpstreamStdio, terminal: boolean): ProcessParameters {
  return {
    ...(terminal ? { EmulateConsole: true } : {}),
    ...(upstream.stdin === undefined ? {} : { CreateStdInPipe: true }),
    ...(upstream.stdout === undefined ? {} : { CreateStdOutPipe: true }),
    ...(upstream.stderr === undefined ? {} : { CreateStdErrPipe: true }),
  };
}

/** @throws {ShimError} NOT_ISOLATED */
export function requireVm(uvm: Uvm | undefined, podId: string, verb: string): Uvm {
  if (uvm !== undefined) return uvm;
  throw new ShimError("NOT_ISOLATED", `cannot ${verb} pod "${podId}": it has no VM`);
}
