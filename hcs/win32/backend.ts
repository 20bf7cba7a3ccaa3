/** The port on a Windows host: the DLLs of the Host Compute Service and what stands around them. */
import type { BackendTraits, CallOptions, HcsBackend, HostInfo } from "../api.ts";
import type { PropertyQuery, ServiceProperties } from "../schema/properties.ts";
import type { ModifyServiceRequest } from "../schema/service.ts";
import { Win32ComputeSystems } from "./compute/compute-systems.ts";
import { guardExit } from "./ffi/exit.ts";
import { readHostInfo } from "./host.ts";
import { Win32HvSocket } from "./hvsocket/hv-socket.ts";
import { Win32Jobs } from "./jobs/jobs.ts";
import { Win32Network } from "./network/network.ts";
import { Win32Files } from "./storage/files.ts";
import { Win32Layers } from "./storage/layers.ts";
import { Win32Storage } from "./storage/storage.ts";
import { NativeThread, type ThreadSource } from "./threads/native-thread.ts";

/** STATUS_CONTROL_C_EXIT: what processes end with when their system is terminated. */
const TERMINATED = 0xc000_013a;

const TRAITS: BackendTraits = {
  statistics: "runhcs",
  paths: "win32",
  stdio: "named-pipe",
  terminalStderr: "refused",
  pause: false,
  pipePrefix: "\\\\.\\pipe\\",
  terminatedExitCode: TERMINATED,
};

/** Calls that may block: those that wait for one another anyway share a thread. */
const THREADS = ["layers", "files", "network", "accounts", "launches", "job events"] as const;
type ThreadName = (typeof THREADS)[number];

export class Win32Backend implements HcsBackend {
  readonly name = "win32";
  readonly traits: BackendTraits = TRAITS;
  readonly computeSystems: Win32ComputeSystems = new Win32ComputeSystems();
  readonly storage: Win32Storage;
  readonly network: Win32Network;
  readonly hvSocket: Win32HvSocket = new Win32HvSocket();
  readonly files: Win32Files;
  readonly layers: Win32Layers;
  readonly jobs: Win32Jobs;
  readonly #threads: Readonly<Record<ThreadName, NativeThread>>;

  /** @param source where threads for blocking calls find their code (`threads/main.ts`, bundled) */
  constructor(source: ThreadSource) {
    guardExit();
    const threads = Object.fromEntries(THREADS.map((name) => [name, new NativeThread(name, source)]));
    this.#threads = threads as Record<ThreadName, NativeThread>;
    const { layers, files, network, accounts, launches, "job events": events } = this.#threads;
    this.storage = new Win32Storage(layers);
    this.layers = new Win32Layers(layers);
    this.files = new Win32Files(files);
    this.network = new Win32Network(network);
    this.jobs = new Win32Jobs({ accounts, launches, events });
  }

  async host(): Promise<HostInfo> {
    return readHostInfo();
  }

  serviceProperties(query: PropertyQuery, options?: CallOptions): Promise<ServiceProperties> {
    return this.computeSystems.serviceProperties(query, options);
  }

  modifyService(request: ModifyServiceRequest, options?: CallOptions): Promise<void> {
    return this.computeSystems.modifyService(request, options);
  }

  /** Sockets and jobs first: what they wait for on the threads comes to its end. Compute systems have handles of their own. */
  async close(): Promise<void> {
    this.jobs.close();
    await this.hvSocket.close();
    for (const thread of Object.values(this.#threads)) thread.close();
  }
}
