/** Pods and their containers as kubelet makes them: a client of the Container Runtime Interface. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  ContainerConfig,
  ContainerMetadata,
  ContainerState,
  DNSConfig,
  ImageService,
  ImageSpec,
  LinuxContainerConfig,
  LinuxContainerResources,
  LinuxContainerSecurityContext,
  LinuxPodSandboxConfig,
  LinuxSandboxSecurityContext,
  Mount,
  NamespaceMode,
  NamespaceOption,
  PodSandboxConfig,
  PodSandboxMetadata,
  PodSandboxState,
  RuntimeService,
} from "../../protos/gen/cri.ts";
import type {
  ContainerStats,
  ContainerStatus,
  ImageServiceMethods,
  PodSandboxStats,
  PodSandboxStatus,
  RuntimeServiceMethods,
} from "../../protos/gen/cri.ts";
import { GrpcConnection, type UnaryCalls } from "../../shim/client/containerd/grpc.ts";
import { BUSYBOX_IMAGE } from "./image.ts";
import { until } from "./until.ts";

/** What a pod is to be like. */
export interface PodOptions {
  /** Runtime handler; the default one without it. */
  readonly handler?: string;
  readonly hostname?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly dns?: {
    readonly servers: readonly string[];
    readonly searches?: readonly string[];
    readonly options?: readonly string[];
  };
  /** The node's network instead of one of the pod's own. */
  readonly hostNetwork?: boolean;
  /** What kubelet says all containers of the pod may use together. */
  readonly resources?: Partial<LinuxContainerResources>;
}

/** What a container is to be like. */
export interface ContainerOptions {
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly resources?: Partial<LinuxContainerResources>;
  readonly mounts?: readonly { readonly from: string; readonly to: string; readonly readonly?: boolean }[];
  readonly stdin?: boolean;
  readonly tty?: boolean;
  /** How often this container has been started before: kubelet counts. */
  readonly attempt?: number;
}

export interface CriOptions {
  /** containerd's socket. */
  readonly address: string;
  /** Where logs of pods go. */
  readonly logDirectory: string;
  /** Cgroup that pods are put below. */
  readonly cgroupParent: string;
}

/** What a command said that was run in a container. */
export interface ExecResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A line of a container's log file. */
export interface LogLine {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

/** A client of one containerd's CRI plugin. */
export class Cri implements Disposable {
  readonly options: CriOptions;
  readonly runtime: UnaryCalls<RuntimeServiceMethods>;
  readonly images: UnaryCalls<ImageServiceMethods>;
  readonly #connection: GrpcConnection;

  private constructor(options: CriOptions) {
    this.options = options;
    this.#connection = new GrpcConnection(options.address);
    this.runtime = this.#connection.service(RuntimeService);
    this.images = this.#connection.service(ImageService);
  }

  /** Connects, and waits until runtime and network are ready and the images are known. */
  static async connect(options: CriOptions, ...images: readonly string[]): Promise<Cri> {
    const cri = new Cri(options);
    try {
      await cri.ready(...images);
      return cri;
    } catch (error) {
      cri.close();
      throw error;
    }
  }

  /** Waits until runtime and network are ready and the images are known. */
  async ready(...images: readonly string[]): Promise<void> {
    let conditions = "";
    await until(
      "the CRI plugin to be ready",
      async () => {
        const { status } = await this.runtime.Status({}, { timeoutMs: 5000 });
        conditions = (status?.conditions ?? [])
          .map(({ type, status: is, message }) => `${type}=${is} ${message}`)
          .join(", ");
        return (
          status !== undefined &&
          status.conditions.length > 0 &&
          status.conditions.every((condition) => condition.status)
        );
      },
      { timeoutMs: 30_000, state: () => conditions },
    );
    for (const image of images) {
      await until(`image ${image} in the CRI plugin`, async () => {
        const { image: found } = await this.images.ImageStatus({ image: ImageSpec.create({ image }) });
        return found !== undefined;
      });
    }
  }

  /** Makes a pod's sandbox and waits until it is ready. */
  async runPod(name: string, options: PodOptions = {}): Promise<Pod> {
    const logDirectory = join(this.options.logDirectory, name);
    await mkdir(logDirectory, { recursive: true });
    const config = podConfig(name, logDirectory, this.options.cgroupParent, options);
    const { podSandboxId } = await this.runtime.RunPodSandbox({
      config,
      runtimeHandler: options.handler ?? "",
    });
    return new Pod(this, podSandboxId, config);
  }

  /** Ids of the pods that are there, in whatever state. */
  async podIds(): Promise<string[]> {
    return (await this.runtime.ListPodSandbox()).items.map(({ id }) => id);
  }

  close(): void {
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** A pod whose sandbox has been made. */
export class Pod {
  readonly id: string;
  readonly config: PodSandboxConfig;
  readonly #cri: Cri;

  constructor(cri: Cri, id: string, config: PodSandboxConfig) {
    this.#cri = cri;
    this.id = id;
    this.config = config;
  }

  /** Makes a container and starts it. */
  async start(name: string, options: ContainerOptions = {}): Promise<PodContainer> {
    const container = await this.create(name, options);
    await container.start();
    return container;
  }

  /** Makes a container. */
  async create(name: string, options: ContainerOptions = {}): Promise<PodContainer> {
    const { containerId } = await this.#cri.runtime.CreateContainer({
      podSandboxId: this.id,
      config: containerConfig(name, options),
      sandboxConfig: this.config,
    });
    return new PodContainer(
      this.#cri,
      containerId,
      join(this.config.logDirectory, logFileName(name, options)),
    );
  }

  /** @throws when the pod is not known */
  async status(): Promise<PodSandboxStatus> {
    const { status } = await this.#cri.runtime.PodSandboxStatus({ podSandboxId: this.id });
    if (status === undefined)
      throw new Error(`cannot tell the status of pod ${this.id}: the answer has none`);
    return status;
  }

  async isReady(): Promise<boolean> {
    return (await this.status()).state === PodSandboxState.SANDBOX_READY;
  }

  /** @throws when there are none */
  async stats(): Promise<PodSandboxStats> {
    const { stats } = await this.#cri.runtime.PodSandboxStats({ podSandboxId: this.id });
    if (stats === undefined)
      throw new Error(`cannot tell the statistics of pod ${this.id}: the answer has none`);
    return stats;
  }

  /** Ends all containers and gives the network back. */
  async stop(): Promise<void> {
    await this.#cri.runtime.StopPodSandbox({ podSandboxId: this.id });
  }

  /** Stops and removes the pod with all its containers. */
  async remove(): Promise<void> {
    await this.stop();
    await this.#cri.runtime.RemovePodSandbox({ podSandboxId: this.id });
  }

  /** {@link remove} as kubelet does it: again while containerd is still busy with what has happened to the pod. */
  async removePersistently(): Promise<void> {
    await until(`pod ${this.id} to be removed`, () => this.remove().then(() => true));
  }
}

/** A container of a pod. */
export class PodContainer {
  readonly id: string;
  readonly logFile: string;
  readonly #cri: Cri;

  constructor(cri: Cri, id: string, logFile: string) {
    this.#cri = cri;
    this.id = id;
    this.logFile = logFile;
  }

  async start(): Promise<void> {
    await this.#cri.runtime.StartContainer({ containerId: this.id });
  }

  /** @throws when the container is not known */
  async status(): Promise<ContainerStatus> {
    const { status } = await this.#cri.runtime.ContainerStatus({ containerId: this.id });
    if (status === undefined)
      throw new Error(`cannot tell the status of container ${this.id}: the answer has none`);
    return status;
  }

  /** `running`, `exited`, … */
  async state(): Promise<string> {
    return stateName((await this.status()).state);
  }

  /** Waits until the container has ended. */
  async untilExited(): Promise<ContainerStatus> {
    let last: ContainerStatus | undefined;
    return until(
      `container ${this.id} to exit`,
      async () => {
        last = await this.status();
        return last.state === ContainerState.CONTAINER_EXITED && last;
      },
      { state: () => `it is ${stateName(last?.state ?? ContainerState.CONTAINER_UNKNOWN)}` },
    );
  }

  /**
   * Runs a command and collects its output.
   *
   * @param timeoutSeconds after which the command is killed and the call fails; 0 for no limit
   */
  async exec(command: readonly string[], timeoutSeconds = 0): Promise<ExecResult> {
    const result = await this.#cri.runtime.ExecSync({
      containerId: this.id,
      cmd: [...command],
      timeout: BigInt(timeoutSeconds),
    });
    return {
      code: result.exitCode,
      stdout: Buffer.from(result.stdout).toString("utf8"),
      stderr: Buffer.from(result.stderr).toString("utf8"),
    };
  }

  /** @throws when there are none */
  async stats(): Promise<ContainerStats> {
    const { stats } = await this.#cri.runtime.ContainerStats({ containerId: this.id });
    if (stats === undefined)
      throw new Error(`cannot tell the statistics of container ${this.id}: the answer has none`);
    return stats;
  }

  async update(resources: Partial<LinuxContainerResources>): Promise<void> {
    await this.#cri.runtime.UpdateContainerResources({
      containerId: this.id,
      linux: LinuxContainerResources.create(resources),
    });
  }

  /** What the container has written, from the log file that containerd keeps. */
  async log(): Promise<LogLine[]> {
    return parseLog(await readFile(this.logFile, "utf8"));
  }

  /** Asks the container to end, and kills it when the grace period is over. */
  async stop(graceSeconds: number): Promise<void> {
    await this.#cri.runtime.StopContainer({ containerId: this.id, timeout: BigInt(graceSeconds) });
  }

  async remove(): Promise<void> {
    await this.#cri.runtime.RemoveContainer({ containerId: this.id });
  }
}

/**
 * Lines of a log file in CRI's format: `<time> <stream> <tags> <text>`. A line tagged `P` goes on in the next of its
 * stream.
 */
export function parseLog(text: string): LogLine[] {
  const lines: LogLine[] = [];
  const partial = { stdout: "", stderr: "" };
  for (const line of text.split("\n")) {
    const match = /^\S+ (?<stream>stdout|stderr) (?<tag>[PF])(?::\S*)? (?<text>.*)$/.exec(line);
    if (match?.groups === undefined) continue;
    const stream = match.groups["stream"] === "stdout" ? "stdout" : "stderr";
    const whole = partial[stream] + (match.groups["text"] ?? "");
    partial[stream] = match.groups["tag"] === "P" ? whole : "";
    if (match.groups["tag"] === "F") lines.push({ stream, text: whole });
  }
  return lines;
}

function stateName(state: number): string {
  const name = Object.entries(ContainerState).find(([, value]) => value === state)?.[0];
  return (name ?? String(state)).replace("CONTAINER_", "").toLowerCase();
}

function podConfig(
  name: string,
  logDirectory: string,
  cgroupParent: string,
  options: PodOptions,
): PodSandboxConfig {
  const network = options.hostNetwork === true ? NamespaceMode.NODE : NamespaceMode.POD;
  return PodSandboxConfig.create({
    metadata: PodSandboxMetadata.create({ name, uid: `uid-of-${name}`, namespace: "default" }),
    hostname: options.hostname ?? (options.hostNetwork === true ? "" : name),
    logDirectory,
    annotations: { ...options.annotations },
    labels: { ...options.labels },
    ...(options.dns === undefined
      ? {}
      : {
          dnsConfig: DNSConfig.create({
            servers: [...options.dns.servers],
            searches: [...(options.dns.searches ?? [])],
            options: [...(options.dns.options ?? [])],
          }),
        }),
    linux: LinuxPodSandboxConfig.create({
      cgroupParent,
      securityContext: LinuxSandboxSecurityContext.create({
        namespaceOptions: NamespaceOption.create({ network, pid: NamespaceMode.CONTAINER }),
      }),
      ...(options.resources === undefined
        ? {}
        : { resources: LinuxContainerResources.create(options.resources) }),
    }),
  });
}

function containerConfig(name: string, options: ContainerOptions): ContainerConfig {
  return ContainerConfig.create({
    metadata: ContainerMetadata.create({ name, attempt: options.attempt ?? 0 }),
    image: ImageSpec.create({ image: BUSYBOX_IMAGE }),
    command: [...(options.command ?? ["sleep", "100000"])],
    envs: Object.entries(options.env ?? {}).map(([key, value]) => ({ key, value })),
    annotations: { ...options.annotations },
    mounts: (options.mounts ?? []).map((mount) =>
      Mount.create({ hostPath: mount.from, containerPath: mount.to, readonly: mount.readonly ?? false }),
    ),
    logPath: logFileName(name, options),
    stdin: options.stdin ?? false,
    stdinOnce: options.stdin ?? false,
    tty: options.tty ?? false,
    linux: LinuxContainerConfig.create({
      securityContext: LinuxContainerSecurityContext.create({
        namespaceOptions: NamespaceOption.create({ pid: NamespaceMode.CONTAINER }),
      }),
      ...(options.resources === undefined
        ? {}
        : { resources: LinuxContainerResources.create(options.resources) }),
    }),
  });
}

function logFileName(name: string, options: ContainerOptions): string {
  return `${name}/${options.attempt ?? 0}.log`;
}
