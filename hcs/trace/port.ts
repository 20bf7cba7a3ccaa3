/**
 * The port as data: which interfaces it has, what can be asked of each, and what comes back. Recorder and replayer are
 * derived from it; the compiler holds it against hcs/api.ts, so that a new call of the port is a new row here.
 */
import type {
  CallOptions,
  ComputeSystem,
  ComputeSystems,
  HcsBackend,
  HcsProcess,
  HvSocket,
  HvSocketListener,
  HvSocketRegistration,
  Network,
  Storage,
} from "../api.ts";
import type { HostFiles } from "../port/files.ts";
import type { HostJobs, Job, Token } from "../port/jobs.ts";
import type { WindowsLayers } from "../port/layers.ts";

/** Every interface of the port by the name it has in a recording. */
export interface PortInterfaces {
  backend: HcsBackend;
  computeSystems: ComputeSystems;
  computeSystem: ComputeSystem;
  process: HcsProcess;
  storage: Storage;
  network: Network;
  hvSocket: HvSocket;
  listener: HvSocketListener;
  registration: HvSocketRegistration;
  files: HostFiles;
  layers: WindowsLayers;
  jobs: HostJobs;
  job: Job;
  token: Token;
}

export type InterfaceName = keyof PortInterfaces;

/** Data, a byte stream, or a handle with that interface. */
export type Answer = "value" | "stream" | InterfaceName;

export interface CallShape {
  /** Number of arguments before {@link CallOptions}. */
  readonly arity: number;
  readonly answer: Answer;
}

type CallNames<T> = {
  [K in keyof T]-?: NonNullable<T[K]> extends (...args: never) => Promise<unknown> ? K : never;
}[keyof T];

/** What one interface has; members that the port makes optional are recorded as present or absent. */
export interface InterfaceShape {
  /** Members that never change. */
  readonly values?: readonly string[];
  /** Members that are interfaces themselves. */
  readonly parts?: Readonly<Record<string, InterfaceName>>;
  /** Member whose members are byte streams. */
  readonly streams?: string;
  /** Promise that settles when the platform says so. */
  readonly settles?: string;
  readonly listeners?: readonly string[];
  readonly calls: Readonly<Record<string, CallShape>>;
}

/** A row that names every call of `T`, and members that `T` has alone. */
interface RowOf<T> extends InterfaceShape {
  readonly values?: readonly (keyof T & string)[];
  readonly streams?: keyof T & string;
  readonly settles?: keyof T & string;
  readonly listeners?: readonly (keyof T & string)[];
  readonly calls: Readonly<Record<CallNames<T> & string, CallShape>>;
}

function value(arity: number): CallShape {
  return { arity, answer: "value" };
}

export const PORT: { readonly [I in InterfaceName]: RowOf<PortInterfaces[I]> } = {
  backend: {
    values: ["name", "traits"],
    parts: {
      computeSystems: "computeSystems",
      storage: "storage",
      network: "network",
      hvSocket: "hvSocket",
      files: "files",
      layers: "layers",
      jobs: "jobs",
    },
    calls: { host: value(0), serviceProperties: value(1), modifyService: value(1), close: value(0) },
  },
  computeSystems: {
    calls: {
      create: { arity: 2, answer: "computeSystem" },
      open: { arity: 1, answer: "computeSystem" },
      enumerate: value(1),
    },
  },
  computeSystem: {
    values: ["id"],
    settles: "exited",
    calls: {
      start: value(0),
      shutdown: value(0),
      terminate: value(0),
      pause: value(0),
      resume: value(0),
      pauseHosted: value(1),
      resumeHosted: value(1),
      modify: value(1),
      properties: value(1),
      workingSet: value(0),
      createProcess: { arity: 1, answer: "process" },
      openProcess: { arity: 1, answer: "process" },
      connectHandle: { arity: 0, answer: "stream" },
      close: value(0),
    },
  },
  process: {
    values: ["processId"],
    streams: "stdio",
    settles: "exited",
    calls: {
      signal: value(1),
      terminate: value(0),
      resize: value(1),
      closeStdin: value(0),
      close: value(0),
    },
  },
  storage: {
    values: ["mountTypes"],
    calls: { mount: value(2), unmount: value(1), grantVmAccess: value(2), grantVmGroupAccess: value(2) },
  },
  network: {
    calls: { openNamespace: value(1), createNamespace: value(2), deleteNamespace: value(1) },
  },
  hvSocket: {
    calls: {
      listen: { arity: 1, answer: "listener" },
      connect: { arity: 1, answer: "stream" },
      registerContainer: { arity: 1, answer: "registration" },
    },
  },
  listener: { calls: { accept: { arity: 0, answer: "stream" }, close: value(0) } },
  registration: { calls: { close: value(0) } },
  files: {
    calls: {
      stat: value(1),
      finalPath: value(1),
      answersFileIds: value(1),
      readFile: value(1),
      makeDirectory: value(1),
      copyFile: value(2),
      remove: value(1),
      makeTemporaryDirectory: value(1),
      makeLink: value(2),
    },
  },
  layers: {
    calls: {
      createScratch: value(2),
      activate: value(1),
      prepare: value(2),
      mountPath: value(1),
      unprepare: value(1),
      deactivate: value(1),
      attachOverlayFilter: value(2),
      detachOverlayFilter: value(2),
      mountCim: value(3),
      mountMergedCims: value(3),
      dismountCim: value(1),
      setVirtualDiskIdentifier: value(2),
      setVolumeMountPoint: value(2),
      deleteVolumeMountPoint: value(1),
    },
  },
  jobs: {
    values: ["canBindFiles"],
    calls: {
      create: { arity: 1, answer: "job" },
      open: { arity: 2, answer: "job" },
      ownToken: { arity: 0, answer: "token" },
      logonUser: { arity: 1, answer: "token" },
      hasLocalGroup: value(1),
      addUser: value(1),
      addToLocalGroup: value(2),
      removeUser: value(1),
      environmentOf: value(1),
    },
  },
  job: {
    listeners: ["onOutOfMemory"],
    calls: {
      setExtendedLimit: value(1),
      setCpuRateControl: value(1),
      setIoRateControl: value(1),
      setGroupAffinities: value(1),
      promoteToSilo: value(0),
      applyFileBinding: value(1),
      createProcess: { arity: 1, answer: "process" },
      processIds: value(0),
      processes: value(0),
      signalProcess: value(2),
      emptied: value(0),
      statistics: value(0),
      terminate: value(1),
      close: value(0),
    },
  },
  token: { calls: { close: value(0) } },
};

/** The row of an interface, without what the compiler knows of it. */
export function shapeOf(name: InterfaceName): InterfaceShape {
  return PORT[name];
}

/** The options of a call, where its caller gave some. */
export function callOptions(shape: CallShape, args: readonly unknown[]): CallOptions {
  return (args[shape.arity] as CallOptions | undefined) ?? {};
}
