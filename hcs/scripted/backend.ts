/** A Windows machine that answers as a script says, and writes down what it is asked. */
import type { BackendTraits, HcsBackend, HostInfo, Storage } from "../api.ts";
import type { PropertyQuery, ServiceProperties } from "../schema/properties.ts";
import type { ModifyServiceRequest } from "../schema/service.ts";
import type { TimeZoneInformation } from "../schema/time-zone.ts";
import type { HostEntry, Platform } from "./platform.ts";
import type { Recorder } from "./recorder.ts";
import { ScriptedFiles, type Assumption } from "./files.ts";
import { ScriptedHvSockets } from "./hv-sockets.ts";
import { ScriptedJobs } from "./jobs.ts";
import { ScriptedLayers } from "./layers.ts";
import { Machine, TERMINATED } from "./machine.ts";
import { ScriptedNetwork } from "./network.ts";
import { ScriptedService } from "./service.ts";
import { ScriptedSystems } from "./systems.ts";

const LINUX_BOOT_FILES = "C:\\Program Files\\Linux Containers";

const TIME_ZONE: TimeZoneInformation = {
  Bias: 480,
  StandardName: "Pacific Standard Time",
  StandardDate: { Month: 11, Day: 1, Hour: 2 },
  DaylightName: "Pacific Daylight Time",
  DaylightDate: { Month: 3, Day: 2, Hour: 2 },
  DaylightBias: -60,
};

export class ScriptedBackend implements HcsBackend {
  readonly name = "scripted";
  readonly traits: BackendTraits = {
    statistics: "runhcs",
    paths: "win32",
    stdio: "named-pipe",
    terminalStderr: "refused",
    pause: false,
    pipePrefix: "\\\\.\\pipe\\",
    terminatedExitCode: TERMINATED,
  };
  readonly machine: Machine;
  readonly files: ScriptedFiles;
  readonly hvSocket: ScriptedHvSockets;
  readonly computeSystems: ScriptedSystems;
  readonly layers: ScriptedLayers;
  readonly jobs: ScriptedJobs;
  readonly network: ScriptedNetwork;
  readonly #service: ScriptedService;

  constructor(platform: Platform, files: readonly HostEntry[], recorder: Recorder, assume?: Assumption) {
    this.machine = new Machine(platform, recorder);
    this.files = new ScriptedFiles(this.machine, files, assume);
    this.hvSocket = new ScriptedHvSockets(this.machine);
    this.computeSystems = new ScriptedSystems(this.machine, this.hvSocket);
    this.layers = new ScriptedLayers(this.machine);
    this.jobs = new ScriptedJobs(this.machine);
    this.network = new ScriptedNetwork(platform);
    this.#service = new ScriptedService(this.machine);
  }

  readonly storage: Storage = {
    mountTypes: [],
    mount: () => Promise.reject(new Error("this host mounts nothing")),
    unmount: async () => undefined,
    grantVmAccess: async (vmId, path) => this.machine.recorder.attempt({ call: "GrantVmAccess", path, vmId }),
    grantVmGroupAccess: async (path, mask) =>
      this.machine.recorder.attempt({ call: "GrantVmGroupAccessWithMask", mask, path }),
  };

  async host(): Promise<HostInfo> {
    const { windowsBuild, hostProcessors } = this.machine.platform;
    return {
      build: windowsBuild,
      logicalProcessors: hostProcessors,
      linuxBootFiles: { directory: LINUX_BOOT_FILES, files: this.files.namesIn(LINUX_BOOT_FILES) },
      timeZone: TIME_ZONE,
    };
  }

  async serviceProperties(query: PropertyQuery): Promise<ServiceProperties> {
    return this.#service.properties(query);
  }

  async modifyService(request: ModifyServiceRequest): Promise<void> {
    this.#service.modify(request);
  }

  async close(): Promise<void> {}
}
