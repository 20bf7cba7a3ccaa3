/**
 * The worker: one process per emulated VM, what vmwp.exe is on Windows. It is process 1 of its own pid namespace, so
 * that its end is the end of everything in the VM, and it hosts the guest agent.
 *
 * Usage: `main.ts <system directory>`, in new pid, mount, uts, ipc and network namespaces, with the creator's handle
 * as file descriptor 3.
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
import { Handles } from "./handles.ts";
import type { WorkerExitType } from "./messages.ts";
import { openSerialConsole, type SerialConsole } from "./serial-console.ts";
import { buildView, configureNetwork, HV_SOCKETS, joinCgroup, WINDOWS } from "./view.ts";

async function runWorker(directory: string): Promise<void> {
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
  handles.adoptCreator();
  await handles.listen(systemPaths(directory).controlSocket);
  joinCgroup(system.cgroup);
  buildView(directory, system);
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

const [directory] = process.argv.slice(2);
if (directory === undefined) {
  process.stderr.write("usage: worker <system directory>\n");
  process.exitCode = 2;
} else {
  runWorker(directory).catch((error: unknown) => {
    process.stderr.write(`cannot run worker of "${directory}": ${describe(error)}\n`);
    process.exit(1);
  });
}
