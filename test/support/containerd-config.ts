/** containerd's configuration file, in the notation of the version that reads it: 2 for 1.x, 3 for 2.x. */
import { stringify } from "smol-toml";

/** A runtime handler of the CRI plugin. */
export interface Handler {
  /** What `runtimeHandler` of a pod names. */
  readonly name: string;
  readonly runtimeType: string;
  /** Table that becomes the runtime options. */
  readonly options?: Readonly<Record<string, string | number | boolean>>;
  /** Pod annotations handed to the shim: globs. */
  readonly podAnnotations?: readonly string[];
  /** Container annotations handed to the shim: globs. */
  readonly containerAnnotations?: readonly string[];
  /** Who manages the sandbox. `shim` needs containerd 2.x. */
  readonly sandboxer?: "podsandbox" | "shim";
  /** How stdio travels. `streaming` needs containerd 2.x. */
  readonly ioType?: "fifo" | "streaming";
}

export interface ConfigInput {
  /** containerd's own version. */
  readonly version: string;
  /** Directory that everything is kept below. */
  readonly directory: string;
  /** The first is the default. */
  readonly handlers: readonly [Handler, ...Handler[]];
  readonly sandboxImage: string;
  readonly cni: { readonly plugins: string; readonly configurations: string };
  readonly snapshotter: "overlayfs" | "native";
  readonly logLevel: "debug" | "info";
}

type Table = Record<string, unknown>;

/** Where a private containerd in `directory` answers. The ttrpc address is where containerd itself would put it. */
export function addressesIn(directory: string): { readonly grpc: string; readonly ttrpc: string } {
  const grpc = `${directory}/c.sock`;
  return { grpc, ttrpc: `${grpc}.ttrpc` };
}

/** The major number of a version: `2` of `2.1.9`. */
export function majorOf(version: string): number {
  return Number(version.split(".")[0]);
}

/** How long exec-sync waits for output after its process is gone; without it containerd waits for ever. */
const DRAIN_TIMEOUT = "10s";

/** The configuration file's text. */
export function containerdConfig(input: ConfigInput): string {
  const { directory } = input;
  const { grpc, ttrpc } = addressesIn(directory);
  const major = majorOf(input.version);
  const common: Table = {
    version: major < 2 ? 2 : 3,
    root: `${directory}/root`,
    state: `${directory}/state`,
    temp: `${directory}/tmp`,
    grpc: { address: grpc },
    ttrpc: { address: ttrpc },
    debug: { level: input.logLevel },
  };
  return stringify({ ...common, plugins: major < 2 ? pluginsOfVersion2(input) : pluginsOfVersion3(input) });
}

function pluginsOfVersion2(input: ConfigInput): Table {
  return {
    "io.containerd.internal.v1.opt": { path: `${input.directory}/opt` },
    "io.containerd.grpc.v1.cri": {
      ...runtimeSettings(input),
      sandbox_image: input.sandboxImage,
      cni: { bin_dir: input.cni.plugins, conf_dir: input.cni.configurations },
      containerd: {
        snapshotter: input.snapshotter,
        default_runtime_name: input.handlers[0].name,
        runtimes: runtimes(input),
      },
    },
  };
}

function pluginsOfVersion3(input: ConfigInput): Table {
  return {
    "io.containerd.internal.v1.opt": { path: `${input.directory}/opt` },
    "io.containerd.cri.v1.images": {
      snapshotter: input.snapshotter,
      pinned_images: { sandbox: input.sandboxImage },
    },
    "io.containerd.cri.v1.runtime": {
      ...runtimeSettings(input),
      cni: { bin_dirs: [input.cni.plugins], conf_dir: input.cni.configurations },
      containerd: { default_runtime_name: input.handlers[0].name, runtimes: runtimes(input) },
    },
  };
}

function runtimeSettings(input: ConfigInput): Table {
  return {
    // Lowering the score of a sandbox needs CAP_SYS_RESOURCE, which a machine in a container may lack.
    restrict_oom_score_adj: true,
    disable_apparmor: true,
    // So that namespaces that were left can be told from other people's.
    netns_mounts_under_state_dir: true,
    ...(input.version.startsWith("1.6.") ? {} : { drain_exec_sync_io_timeout: DRAIN_TIMEOUT }),
  };
}

function runtimes(input: ConfigInput): Table {
  return Object.fromEntries(input.handlers.map((handler) => [handler.name, runtime(handler)]));
}

function runtime(handler: Handler): Table {
  return {
    runtime_type: handler.runtimeType,
    ...(handler.podAnnotations === undefined ? {} : { pod_annotations: handler.podAnnotations }),
    ...(handler.containerAnnotations === undefined
      ? {}
      : { container_annotations: handler.containerAnnotations }),
    ...(handler.sandboxer === undefined ? {} : { sandboxer: handler.sandboxer }),
    ...(handler.ioType === undefined ? {} : { io_type: handler.ioType }),
    ...(handler.options === undefined ? {} : { options: handler.options }),
  };
}
