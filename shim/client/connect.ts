/** Finds the engine there is: containerd where one answers, else the shim alone. */
import { isListening } from "../bootstrap/address.ts";
import { ContainerClient, type ClientInit } from "./client.ts";
import type { Engine } from "./engine.ts";
import { RUNTIME_NAME } from "./runtime.ts";
import { SHIM_PROGRAM } from "./shim-program.ts";

export interface ConnectOptions extends Partial<Omit<ClientInit, "engine">> {
  /** `auto`: containerd when it answers at its address, else the shim. */
  readonly engine?: "auto" | "containerd" | "shim";
  /** containerd's socket or named pipe; `CONTAINERD_ADDRESS`, or where containerd has it by itself. */
  readonly address?: string;
  /** containerd namespace; `CONTAINERD_NAMESPACE`, or `default`. */
  readonly namespace?: string;
  /** containerd's; `CONTAINERD_SNAPSHOTTER`, or the platform's own. */
  readonly snapshotter?: string;
  /** Runtime that containerd is asked for; this project's shim. */
  readonly runtime?: string;
  /** Program and first arguments of the shim, where no containerd runs it; looked for on the PATH when absent. */
  readonly shim?: readonly string[];
  /** Added to that shim's environment: `RUNHCS_CONFIG`. */
  readonly shimEnvironment?: Readonly<Record<string, string>>;
}

interface PlatformDefaults {
  readonly address: string;
  readonly stateDirectory: string;
  readonly snapshotter: string;
}

const DEFAULTS: Readonly<Record<"win32" | "posix", PlatformDefaults>> = {
  win32: {
    address: "\\\\.\\pipe\\containerd-containerd",
    stateDirectory: "C:\\ProgramData\\runhcs",
    snapshotter: "windows",
  },
  posix: {
    address: "/run/containerd/containerd.sock",
    stateDirectory: "/var/lib/runhcs",
    snapshotter: "overlayfs",
  },
};

/** What holds on this platform when nobody says otherwise. */
export function platformDefaults(platform: NodeJS.Platform = process.platform): PlatformDefaults {
  return DEFAULTS[platform === "win32" ? "win32" : "posix"];
}

/** @throws {ClientError} Unavailable when the engine asked for does not answer */
export async function connectClient(options: ConnectOptions = {}): Promise<ContainerClient> {
  const environment = options.environment ?? process.env;
  const defaults = platformDefaults();
  const stateDirectory = options.stateDirectory ?? defaults.stateDirectory;
  const engine = await openEngine({
    kind: options.engine ?? "auto",
    address: options.address ?? (environment["CONTAINERD_ADDRESS"] || defaults.address),
    namespace: options.namespace ?? (environment["CONTAINERD_NAMESPACE"] || "default"),
    snapshotter: options.snapshotter ?? (environment["CONTAINERD_SNAPSHOTTER"] || defaults.snapshotter),
    runtime: options.runtime ?? RUNTIME_NAME,
    shim: options.shim ?? [SHIM_PROGRAM],
    shimEnvironment: options.shimEnvironment ?? {},
    stateDirectory,
  });
  return new ContainerClient({ ...options, engine, stateDirectory });
}

interface EngineChoice {
  readonly kind: "auto" | "containerd" | "shim";
  readonly address: string;
  readonly namespace: string;
  readonly snapshotter: string;
  readonly runtime: string;
  readonly shim: readonly string[];
  readonly shimEnvironment: Readonly<Record<string, string>>;
  readonly stateDirectory: string;
}

/** Each engine is loaded when it is chosen: gRPC is long to load. */
async function openEngine(choice: EngineChoice): Promise<Engine> {
  const { kind, address } = choice;
  if (kind === "containerd" || (kind === "auto" && (await isListening(address)))) {
    const { containerdEngine } = await import("./containerd/engine.ts");
    return containerdEngine(choice);
  }
  const { directEngine } = await import("./direct/engine.ts");
  const { stateDirectory, namespace, shim, shimEnvironment } = choice;
  return directEngine({ directory: stateDirectory, namespace, shim, environment: shimEnvironment });
}
