/**
 * The worker: one process per emulated VM, what vmwp.exe is on Windows. It is process 1 of its own pid namespace, so
 * that its end is the end of everything in the VM, and it hosts the guest agent.
 *
 * Usage: `main.ts <system directory>`, in new pid, mount, uts, ipc and network namespaces, with the creator's handle
 * as file descriptor 3. Or `main.ts --spare <state directory>`: it waits to be told which system it is (`spare.ts`).
 */
import { bootGuest } from "../guest/boot.ts";
import { describe } from "../guest/errors.ts";
import { GuestLog, logLevelOf } from "../guest/log.ts";
import { readSystemFile, systemPaths, type SystemFile } from "../systems/system-file.ts";
import { becomeSubreaper } from "../../posix/libc.ts";
import type { ComputeSystemDocument } from "../../schema/compute-system.ts";
import { WINDOWS_GUEST_SERVICE } from "../../schema/hv-socket.ts";
import { WindowsGuest } from "../guest/windows/boot.ts";
import { dialIn, dialService } from "./dial.ts";
import { creatorHandle, Handles } from "./handles.ts";
import { SPARE_FLAG, type WorkerExitType } from "./messages.ts";
import { openSerialConsole, type SerialConsole } from "./serial-console.ts";
import { waitAsSpare, type Assignment } from "./spare.ts";
import { buildView, configureNetwork, detachView, HV_SOCKETS, joinCgroup, WINDOWS } from "./view.ts";

async function runWorker({ directory, handle, shares }: Assignment): Promise<void> {
  const system = readSystemFile(directory);
  const port = await openSerialConsole(system.document);
  const log = new GuestLog(
    logLevelOf(kernelCommandLine(system.document)),
    port?.alongside(process.stderr) ?? process.stderr,
  );
  let started = false;

  const exit = (exitType: WorkerExitType, reason?: string): never => {
    // Small writes to a local socket are done when they return.
    handles.announce(
      reason === undefined ? { event: "exit", exitType } : { event: "exit", exitType, reason },
    );
    process.exit(exitType === "UnexpectedExit" ? 1 : 0);
  };
  const crash = (error: unknown): never => {
    log.error("guest agent crashed", { error: describe(error), stack: stackOf(error) });
    port?.output.write(`guest agent crashed: ${stackOf(error) ?? describe(error)}\r\n`);
    return exit("UnexpectedExit", describe(error));
  };
  const start = (): void => {
    if (started) return;
    started = true;
    handles.announce({ event: "started" });
    guest.boot().catch(crash);
  };
  const handles = new Handles({
    onStart: start,
    onLastClosed: () => {
      if (system.terminateOnLastHandleClosed) void guest.end().finally(() => process.exit(0));
    },
    onStray: (line) => log.warning("request on a handle ignored", { line }),
  });

  const guest = guestOf(system, { log, port }, exit);

  process.on("uncaughtException", crash);
  // Modes of what the guest makes must not depend on who started the host.
  process.umask(0o022);
  handles.add(handle);
  await handles.listen(systemPaths(directory).controlSocket);
  joinCgroup(system.cgroup);
  buildView(directory, system, shares);
  if (system.windows !== undefined && system.windows.kind !== "vm") becomeSubreaper();
  else configureNetwork(system);
  process.chdir("/");
  handles.announce({ event: "created" });
}

/** What runs in the system. */
interface Guest {
  /** Serves the host from then on. */
  boot(): Promise<never>;
  /** Ends what does not end with the worker. */
  end(): Promise<void>;
}

function guestOf(
  { cgroup, windows, document }: SystemFile,
  { log, port }: { readonly log: GuestLog; readonly port: SerialConsole | undefined },
  exit: (exitType: WorkerExitType) => never,
): Guest {
  const dial = dialIn(HV_SOCKETS);
  const podsCgroup = `${cgroup}/pods`;
  if (windows === undefined) {
    const shell = port !== undefined && / & exec sh"$/.test(kernelCommandLine(document) ?? "");
    const boot = (): Promise<never> =>
      bootGuest({
        ...{ dial, log, podsCgroup, powerOff: () => exit("GracefulExit") },
        ...(shell ? { shellPort: port } : {}),
      });
    return { boot, end: () => Promise.resolve() };
  }
  const guest = new WindowsGuest({
    ...{ dial, log, podsCgroup },
    ...windows,
    template: `${WINDOWS}/template`,
    ownPrograms: WINDOWS,
    single: windows.kind !== "vm",
    registry: document.VirtualMachine?.RegistryChanges?.AddValues ?? [],
    dialBridge: () => dialService(HV_SOCKETS, WINDOWS_GUEST_SERVICE.bridge),
    powerOff: exit,
  });
  return guest;
}

function kernelCommandLine(document: ComputeSystemDocument): string | undefined {
  return document.VirtualMachine?.Chipset?.LinuxKernelDirect?.KernelCmdLine;
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}

function assignmentOf(directory: string): Assignment {
  detachView();
  return { directory, handle: creatorHandle() };
}

const [argument, stateDirectory] = process.argv.slice(2);
if (argument === undefined || (argument === SPARE_FLAG && stateDirectory === undefined)) {
  process.stderr.write(`usage: worker <system directory> | ${SPARE_FLAG} <state directory>\n`);
  process.exitCode = 2;
} else {
  const assigned =
    stateDirectory === undefined ? Promise.resolve(argument).then(assignmentOf) : waitAsSpare(stateDirectory);
  assigned.then(runWorker).catch((error: unknown) => {
    process.stderr.write(`cannot run worker of "${argument}": ${describe(error)}\n`);
    process.exit(1);
  });
}
