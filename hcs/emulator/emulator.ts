/** The port to the Host Compute Service on Linux: compute systems are real processes, isolated by the kernel. */
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import type { BackendTraits, CallOptions, HcsBackend, HostInfo } from "../api.ts";
import { HcsError } from "../errors.ts";
import { HRESULT } from "../hresult-table.ts";
import type { PropertyQuery, ServiceProperties } from "../schema/properties.ts";
import type { ModifyServiceRequest } from "../schema/service.ts";
import { BootProgram } from "./systems/boot-program.ts";
import { Calls } from "./calls.ts";
import { EmulatedComputeSystems } from "./systems/compute-systems.ts";
import { requireShape } from "./systems/document.ts";
import { FaultScript, parseFaults, type FaultRule } from "./faults.ts";
import { EmulatedHvSocket } from "./hv-socket.ts";
import { EmulatedJobs } from "./jobs/jobs.ts";
import { EmulatedNetwork } from "./network/network.ts";
import { choice, list, object, required } from "./shape.ts";
import {
  canonicalPath,
  checkStateDirectory,
  DEFAULT_STATE_DIRECTORY,
  pipesDirectory,
} from "./systems/state-directory.ts";
import { EmulatedFiles } from "./storage/files.ts";
import type { SpareWorkers } from "./systems/spare-workers.ts";
import { EmulatedStorage } from "./storage/storage.ts";
import { EmulatedLayers } from "./storage/windows-layers.ts";
import { workerEnvironment } from "./systems/worker-launch.ts";
import { WindowsHost } from "./windows/host.ts";
import { DEFAULT_WINDOWS_DIRECTORY } from "./windows/template.ts";

export interface EmulatorOptions {
  /** Where systems and sockets are kept; processes that name the same one see the same systems. Absolute and short. */
  readonly stateDirectory?: string;
  /** How to run the worker program; its path must be absolute. The system directory is added as last argument. */
  readonly workerEntry: { readonly command: readonly string[] };
  /** Owner of systems whose document names none. */
  readonly owner?: string;
  /** Where the files of Windows are kept that containers share. Absolute. */
  readonly windowsDirectory?: string;
  /** The Windows build whose behaviour is wanted. */
  readonly build?: number;
  /** Added to the environment of workers, which otherwise has PATH alone. */
  readonly environment?: Readonly<Record<string, string>>;
  /** VMs take their workers from these, where one is ready. They belong to whoever made them. */
  readonly spares?: SpareWorkers;
  /** Scripted faults, before those of the environment variable `RUNHCS_EMULATOR_FAULTS`. */
  readonly faults?: readonly FaultRule[];
}

/**
 * The Windows build whose behaviour the emulator has: Windows Server 2025, the oldest one with every feature the emulator
 * provides (HostProcess containers in VMs are the youngest).
 */
export const EMULATED_BUILD = 26100;

/** The first build whose VMs have HostProcess containers. */
const HOST_PROCESS_VM_BUILD = 26100;

const TRAITS: Omit<BackendTraits, "pipePrefix"> = {
  paths: "posix",
  statistics: "cgroups",
  stdio: "fifo",
  terminalStderr: "ignored",
  pause: true,
  guestSockets: "unix",
  // SIGKILL, as a shell reports it.
  terminatedExitCode: 137,
};

/** What any program of the host needs to run; all of them are there on no distribution. */
const PROGRAM_DIRECTORIES: readonly string[] = ["/bin", "/sbin", "/lib", "/lib64", "/usr"];

const DEFAULT_OWNER = "runhcs-emulator";
const SERVICE_QUERY = object({ PropertyTypes: required(list(choice("ProcessorTopology"))) });

/**
 * The emulator. Creating it touches nothing.
 *
 * @throws when an option cannot be used, or this is not Linux
 */
export function createEmulator(options: EmulatorOptions): HcsBackend {
  if (process.platform !== "linux") {
    throw new Error(`cannot create emulator: it runs on linux, this is ${process.platform}`);
  }
  const stateDirectory = canonicalPath(options.stateDirectory ?? DEFAULT_STATE_DIRECTORY);
  checkStateDirectory(stateDirectory);
  return new Emulator(options, stateDirectory);
}

let processors: number | undefined;

/** Counted once: Node reads /proc/cpuinfo for it, and a process may open the emulator for each of many pods. */
function processorCount(): number {
  processors ??= cpus().length;
  return processors;
}

class Emulator implements HcsBackend {
  readonly name = "emulator";
  readonly traits: BackendTraits;
  readonly computeSystems: EmulatedComputeSystems;
  readonly storage: EmulatedStorage;
  readonly network: EmulatedNetwork;
  readonly hvSocket: EmulatedHvSocket;
  readonly files: EmulatedFiles;
  readonly layers: EmulatedLayers;
  readonly jobs: EmulatedJobs;
  readonly #calls: Calls;
  readonly #boot: BootProgram;
  readonly #build: number;
  readonly #processors: number = processorCount();

  constructor(options: EmulatorOptions, stateDirectory: string) {
    this.traits = { ...TRAITS, pipePrefix: `${pipesDirectory(stateDirectory)}/` };
    const scripted = parseFaults(process.env["RUNHCS_EMULATOR_FAULTS"] ?? "[]");
    this.#boot = new BootProgram(options.workerEntry.command);
    this.#calls = new Calls(new FaultScript([...(options.faults ?? []), ...scripted]), {
      crash: (runtimeId) => this.computeSystems.crash(runtimeId),
      disconnect: (runtimeId, serviceId) => this.hvSocket.disconnect(runtimeId, serviceId),
    });
    this.#build = options.build ?? EMULATED_BUILD;
    const windows = new WindowsHost({
      stateDirectory,
      windowsDirectory: options.windowsDirectory ?? DEFAULT_WINDOWS_DIRECTORY,
      programDirectory: this.#boot.files.directory,
    });
    this.storage = new EmulatedStorage(this.#calls);
    this.layers = new EmulatedLayers(this.#calls, windows);
    this.network = new EmulatedNetwork(this.#calls);
    this.files = new EmulatedFiles(this.#calls, windows);
    this.hvSocket = new EmulatedHvSocket(this.#calls, stateDirectory);
    this.computeSystems = new EmulatedComputeSystems({
      stateDirectory,
      calls: this.#calls,
      network: this.network,
      boot: this.#boot,
      windows,
      hvSocket: this.hvSocket,
      hostProcessInVms: this.#build >= HOST_PROCESS_VM_BUILD,
      environment: { ...workerEnvironment(), ...options.environment },
      spares: options.spares,
      owner: options.owner ?? DEFAULT_OWNER,
      hostProcessors: this.#processors,
    });
    this.jobs = new EmulatedJobs({
      calls: this.#calls,
      stateDirectory,
      systems: this.computeSystems,
      host: windows,
      processors: this.#processors,
    });
  }

  host(options: CallOptions = {}): Promise<HostInfo> {
    return this.#calls.run("host", { phrase: "query", target: "host", ...options }, () => ({
      build: this.#build,
      logicalProcessors: this.#processors,
      linuxBootFiles: this.#boot.files,
      pauseProgram: {
        args: ["sleep", "infinity"],
        directories: PROGRAM_DIRECTORIES.filter((directory) => existsSync(directory)),
      },
    }));
  }

  serviceProperties(query: PropertyQuery, options: CallOptions = {}): Promise<ServiceProperties> {
    const phrase = "query service properties of";
    const target = "the emulator";
    return this.#calls.run("serviceProperties", { phrase, target, ...options }, () => {
      requireShape(query, SERVICE_QUERY, phrase, target);
      if (query.PropertyTypes?.length === 0) {
        const detail = "/PropertyTypes names nothing";
        throw new HcsError({ operation: phrase, target, hresult: HRESULT.invalidArgument, detail });
      }
      return { Properties: [{ LogicalProcessorCount: this.#processors }] };
    });
  }

  /** No service of the emulator has settings. */
  modifyService(request: ModifyServiceRequest, options: CallOptions = {}): Promise<void> {
    const phrase = "modify service setting";
    const target = request.PropertyType;
    return this.#calls.run("modifyService", { phrase, target, ...options }, () => {
      throw new HcsError({ operation: phrase, target, hresult: HRESULT.notSupported });
    });
  }

  /** Closes the listeners that are still open. Handles to compute systems stay with those who hold them. */
  async close(): Promise<void> {
    await this.hvSocket.close();
  }
}
