/** A scripted Windows host with one pod, for tests of containers that run on the host itself. */
import type { RootfsMount } from "../../hcs/api.ts";
import { ScriptedBackend } from "../../hcs/scripted/backend.ts";
import type { HostEntry, Platform, ScriptedFailure } from "../../hcs/scripted/platform.ts";
import { Recorder, type TraceEntry } from "../../hcs/scripted/recorder.ts";
import { readSpec } from "../../oci/spec.ts";
import { systemClock } from "../../shim/clock.ts";
import { Logger } from "../../shim/log/logger.ts";
import { Options } from "../../shim/options/own.ts";
import { PHASES } from "../../shim/phases/table.ts";
import { Phases } from "../../shim/phases/phases.ts";
import { Timeline } from "../../shim/phases/timeline.ts";
import type { PodView } from "../../shim/pod/containers.ts";
import type { PodEnvironment } from "../../shim/pod/environment.ts";
import type { CreateRequest } from "../../shim/pod/request.ts";
import { Holdings } from "../../shim/resources/holdings.ts";
import type { Journal } from "../../shim/resources/journal.ts";

export const VOLUME = "\\\\?\\Volume{50100000-04d5-4850-8151-ad50d0151850}";

const PLATFORM: Platform = {
  windowsBuild: 20348,
  hostProcessors: 8,
  vmRuntimeId: "a0a0a0a0-0000-4000-8000-000000000001",
  driveVolumes: { "C:": "\\\\?\\Volume{0c0c0c0c-0000-4000-8000-00000000000c}" },
  scratchVolumes: { "C:\\snap\\c1": VOLUME },
  fileBindingSupported: true,
};

const LAYERS: RootfsMount = {
  type: "windows-layer",
  source: "C:\\snap\\c1",
  target: "",
  options: ['parentLayerPaths=["C:\\\\snap\\\\1"]'],
};

export interface WindowsHostOptions {
  readonly platform?: Partial<Platform>;
  readonly files?: readonly HostEntry[];
  readonly failures?: readonly ScriptedFailure[];
}

export class WindowsHost {
  readonly recorder: Recorder;
  readonly backend: ScriptedBackend;
  readonly pod: PodView;
  readonly holdings: Holdings;
  /** What the journal says is held. */
  readonly held: Set<string> = new Set();
  readonly reports: string[] = [];

  private constructor(environment: PodEnvironment, backend: ScriptedBackend, recorder: Recorder) {
    this.recorder = recorder;
    this.backend = backend;
    this.pod = {
      id: "c1",
      environment,
      stopWorkloads: () => Promise.resolve(),
      report: (message) => this.reports.push(message),
    };
    const journal: Journal = {
      hold: ({ key }) => void this.held.add(key),
      strike: (key) => void this.held.delete(key),
      started: () => undefined,
      exited: () => undefined,
      close: () => undefined,
    };
    this.holdings = new Holdings(journal);
  }

  static async create(options: WindowsHostOptions = {}): Promise<WindowsHost> {
    const recorder = new Recorder(options.failures);
    const backend = new ScriptedBackend(
      { ...PLATFORM, ...options.platform },
      options.files ?? [{ path: "C:\\snap\\c1\\sandbox.vhdx" }],
      recorder,
    );
    const environment: PodEnvironment = {
      backend,
      host: await backend.host(),
      clock: systemClock,
      logger: new Logger("error", () => 0),
      timeline: new Timeline(),
      events: undefined as never,
      namespace: "tests",
      stateDirectory: "",
      owner: "tests",
      programDirectory: "C:\\shim",
      streams: undefined as never,
    };
    return new WindowsHost(environment, backend, recorder);
  }

  request(spec: object, rootfs: RootfsMount = LAYERS): CreateRequest {
    return {
      id: "c1",
      bundle: "C:\\bundles\\c1",
      rootfs: [rootfs],
      terminal: false,
      stdio: { stdin: "", stdout: "", stderr: "" },
      spec: readSpec({ process: { args: ["a.exe"], user: { username: "u" } }, windows: {}, ...spec }),
      identity: { role: "standalone" },
      isolation: "windows-host",
      scaleProcessorLimit: false,
      scrubLogs: true,
      options: new Options(),
    };
  }

  phases(verb: string): Phases {
    const { clock, timeline } = this.pod.environment;
    return new Phases({ clock, timeline, budgetMs: (phase) => PHASES[phase].budgetMs }, { verb, task: "c1" });
  }

  /** What was asked of the host so far, in order. */
  get calls(): string[] {
    return this.recorder.entries.map(describe);
  }
}

function describe({ call, request }: TraceEntry): string {
  const operation = (request as { Settings?: { Operation?: string } } | undefined)?.Settings?.Operation;
  return operation === undefined ? call : `${call} ${operation}`;
}

/** Calls that take something, and those that give it back. */
const PAIRS: Readonly<Record<string, readonly string[]>> = {
  ActivateLayer: ["DeactivateLayer"],
  PrepareLayer: ["UnprepareLayer"],
  CimMountImage: ["CimDismountImage"],
  HcsAttachOverlayFilter: ["HcsDetachOverlayFilter"],
  "HcsModifyServiceSettings AddInstance": ["HcsModifyServiceSettings RemoveInstance"],
  HcsCreateComputeSystem: ["HcsCloseComputeSystem"],
  "JobObject.Create": ["JobObject.Close"],
  SetVolumeMountPoint: ["DeleteVolumeMountPoint"],
  NetUserAdd: ["NetUserDel"],
};

/** What was taken and not given back, by the calls. @param failed calls that took nothing, because they failed */
export function leftBehind(calls: readonly string[], failed?: string): string[] {
  return Object.entries(PAIRS).flatMap(([take, give]) => {
    const taken = calls.filter((call) => call === take).length - (failed === take ? 1 : 0);
    const given = calls.filter((call) => give.includes(call)).length;
    return taken > given ? [take] : [];
  });
}
