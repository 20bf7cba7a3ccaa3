/**
 * A containerd of our own in a temporary directory: its sockets, its state, its images, its pod network. It can be
 * killed and started again, and it says what was left when it is taken down.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { cgroupHierarchies, createCgroup } from "../../hcs/emulator/cgroup/tree.ts";
import { findCniPlugins } from "../../scripts/setup/requirements.ts";
import type { ContainerdInstallation } from "../../scripts/containerd/releases.ts";
import { type Handler, addressesIn, containerdConfig } from "./containerd-config.ts";
import { collectLeftovers, findLeftovers, removeLeftovers, systemCgroups } from "./containerd-leftovers.ts";
import { Cri } from "./cri.ts";
import { Ctr } from "./ctr.ts";
import { BUSYBOX_IMAGE, PAUSE_IMAGE, writeImageArchive } from "./image.ts";
import { type TestHosting, endKeeper, hostingUnderTest } from "./keeper.ts";
import { type PodNetwork, createPodNetwork } from "./pod-network.ts";
import { type TestRuntime, nodeFile } from "./runtime.ts";
import { makeShortDirectory } from "./temp-directory.ts";
import { until } from "./until.ts";

/** Namespace of the CRI plugin's images and containers. */
export const CRI_NAMESPACE = "k8s.io";

export interface ContainerdOptions {
  readonly installation: ContainerdInstallation;
  readonly runtime: TestRuntime;
  /** Handlers of the CRI plugin; one named `default` without options unless said otherwise. */
  readonly handlers?: readonly [Handler, ...Handler[]];
  /** Options in our node file, beside the state directories. */
  readonly nodeSettings?: Readonly<Record<string, unknown>>;
  /** How our shim hosts pods; as `RUNHCS_TEST_HOSTING` says unless said otherwise. */
  readonly hosting?: TestHosting;
  /** Added to containerd's environment, and so to the shims'. */
  readonly env?: Readonly<Record<string, string>>;
  readonly snapshotter?: "overlayfs" | "native";
  /** `debug` unless said otherwise, for containerd and the shims. */
  readonly logLevel?: "debug" | "info";
  /** Folders put in front of PATH, the shim's own first. */
  readonly path?: readonly string[];
}

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 20_000;

/** A private containerd. */
export class Containerd implements AsyncDisposable {
  readonly installation: ContainerdInstallation;
  readonly runtime: TestRuntime;
  /** Everything is below it; short enough for sockets. */
  readonly directory: string;
  readonly network: PodNetwork;
  /** Where our shim's emulator keeps its systems. */
  readonly emulatorDirectory: string;
  /** Where our shim keeps journals of what its tasks hold. */
  readonly journalDirectory: string;
  readonly foreignSystems: ReadonlySet<string> = systemCgroups();
  /** Ids of the tasks that were asked for through {@link ctr}. */
  readonly taskIds: Set<string> = new Set<string>();
  readonly #environment: Record<string, string | undefined>;
  readonly #onExit = (): void => void this.#child?.kill("SIGKILL");
  #child: ChildProcess | undefined;
  #removed = false;

  private constructor(options: ContainerdOptions, directory: string, network: PodNetwork) {
    this.installation = options.installation;
    this.runtime = options.runtime;
    this.directory = directory;
    this.network = network;
    this.emulatorDirectory = join(directory, "e");
    this.journalDirectory = join(directory, "j");
    const folders = [...(options.path ?? []), options.runtime.folder, options.installation.directory];
    this.#environment = {
      ...process.env,
      PATH: [...folders.filter((folder) => folder !== undefined), process.env["PATH"]].join(":"),
      RUNHCS_CONFIG: join(directory, "runhcs.toml"),
      // What measures coverage of this process must not slow down or litter what containerd starts.
      NODE_V8_COVERAGE: undefined,
      NODE_OPTIONS: undefined,
      ...options.env,
    };
  }

  /** Makes the directory, the network and the configuration, starts containerd and imports the local images. */
  static async start(options: ContainerdOptions): Promise<Containerd> {
    const directory = await makeShortDirectory("rh");
    let network: PodNetwork;
    try {
      network = await createPodNetwork(directory);
    } catch (error) {
      await rm(directory, { recursive: true });
      throw error;
    }
    const containerd = new Containerd(options, directory, network);
    try {
      await containerd.#writeFiles(options);
      createCgroup(`/${containerd.namespace}`, cgroupHierarchies());
      await containerd.launch();
      await containerd.importImages(containerd.namespace, CRI_NAMESPACE);
      return containerd;
    } catch (error) {
      await containerd.stop().catch(() => undefined);
      throw error;
    }
  }

  /** Where it answers gRPC. */
  get address(): string {
    return addressesIn(this.directory).grpc;
  }

  /** Where it receives events over ttrpc. */
  get ttrpcAddress(): string {
    return addressesIn(this.directory).ttrpc;
  }

  /** The file our shim and `hcsctl` read their options from, by `RUNHCS_CONFIG`. */
  get nodeFile(): string {
    return join(this.directory, "runhcs.toml");
  }

  get logFile(): string {
    return join(this.directory, "containerd.log");
  }

  /**
   * A name nobody else uses on this machine. It is the containerd namespace of tasks made with {@link ctr} and the
   * cgroup parent of pods, so that what is left can be told from what others left.
   */
  get namespace(): string {
    return basename(this.directory);
  }

  /** The number of the running containerd. */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined)
      throw new Error(`cannot tell the pid of containerd ${this.installation.version}: it is stopped`);
    return pid;
  }

  /** `ctr`, in our own namespace unless said otherwise. */
  ctr(namespace: string = this.namespace): Ctr {
    return new Ctr({
      program: join(this.installation.directory, "ctr"),
      address: this.address,
      namespace,
      runtime: this.runtime.type,
      fifoDirectory: join(this.directory, "fifo"),
      onTask: (id) => void this.taskIds.add(id),
    });
  }

  /** A new client of the CRI plugin, once that is ready. The caller closes it. */
  async cri(): Promise<Cri> {
    const options = {
      address: this.address,
      logDirectory: join(this.directory, "logs"),
      cgroupParent: `/${this.namespace}`,
    };
    return Cri.connect(options, BUSYBOX_IMAGE, PAUSE_IMAGE);
  }

  /** Starts containerd on what is there, and waits until it answers. */
  async launch(): Promise<void> {
    const log = openSync(this.logFile, "a");
    const child = spawn(
      join(this.installation.directory, "containerd"),
      ["-c", join(this.directory, "config.toml")],
      {
        env: this.#environment,
        cwd: this.directory,
        stdio: ["ignore", log, log],
        // Not in our process group: what stops containerd is a test's decision, not the terminal's.
        detached: true,
      },
    );
    closeSync(log);
    this.#child = child;
    process.once("exit", this.#onExit);
    let failure: Error | undefined;
    child.once("error", (error) => {
      failure = error;
    });
    const ended = (): boolean =>
      failure !== undefined || child.exitCode !== null || child.signalCode !== null;
    const answered = await until(
      `containerd ${this.installation.version} to answer`,
      async () => (ended() ? "ended" : (await this.ctr().serverVersion()) !== undefined && "answered"),
      { timeoutMs: START_TIMEOUT_MS, state: () => this.logTail() },
    );
    if (answered === "ended") {
      throw new Error(
        `cannot start containerd ${this.installation.version}: ${failure?.message ?? this.logTail()}`,
      );
    }
  }

  /** Sends a signal to containerd alone and waits until it is gone. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    process.removeListener("exit", this.#onExit);
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      child.kill(signal);
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await gone;
      clearTimeout(timer);
    }
    this.#child = undefined;
  }

  /** kill -9, then a new start. */
  async crashAndRestart(): Promise<void> {
    await this.end("SIGKILL");
    await this.launch();
  }

  /** Makes the local images known in each of `namespaces`. */
  async importImages(...namespaces: readonly string[]): Promise<void> {
    const archive = join(this.directory, "images.tar");
    await writeImageArchive(archive);
    for (const namespace of namespaces) {
      const ctr = this.ctr(namespace);
      await ctr.importImages(archive);
      const names = await ctr.images();
      for (const image of [BUSYBOX_IMAGE, PAUSE_IMAGE]) {
        if (!names.includes(image))
          throw new Error(`cannot import images into "${namespace}": ${image} did not appear`);
      }
    }
    await rm(archive);
  }

  /** Removes all pods, tasks and containers, as far as containerd can. Starts it when it is not running. */
  async removeAll(): Promise<void> {
    if (this.#child === undefined) await this.launch();
    using cri = await this.cri();
    for (const podSandboxId of await cri.podIds()) {
      await cri.runtime.StopPodSandbox({ podSandboxId }).catch(() => undefined);
      await cri.runtime.RemovePodSandbox({ podSandboxId }).catch(() => undefined);
    }
    const ctr = this.ctr();
    for (const { id } of await ctr.tasks()) await ctr.deleteTask(id, { force: true }).catch(() => undefined);
    for (const id of await ctr.containers()) await ctr.deleteContainer(id).catch(() => undefined);
  }

  /** Waits until nothing of any pod or task is left, while containerd itself runs. */
  async untilNothingLeft(): Promise<void> {
    let left: string[] = [];
    const isOther = (line: string): boolean => !line.startsWith(`process ${this.pid} `);
    await until(
      "everything of pods and tasks to be gone",
      async () => (left = (await findLeftovers(this)).filter(isOther)).length === 0,
      { state: () => left.join("; ") },
    );
  }

  /** The last lines of containerd's log, which the shims write to as well. */
  logTail(lines = 25): string {
    return `log of containerd ${this.installation.version}:\n${this.log().trimEnd().split("\n").slice(-lines).join("\n")}`;
  }

  log(): string {
    try {
      return readFileSync(this.logFile, "utf8");
    } catch {
      return "";
    }
  }

  /** Copies the log to where it outlives the directory, and says where. */
  keepLog(title: string): string {
    const folder = join(import.meta.dirname, "../../.cache/logs");
    mkdirSync(folder, { recursive: true });
    const kept = join(folder, `${title.replaceAll(/[^\w.-]+/g, "-")}-${this.installation.version}.log`);
    copyFileSync(this.logFile, kept);
    return kept;
  }

  /**
   * Ends containerd, then takes away everything it was made of.
   *
   * @throws when anything of pods or tasks was left, naming each thing. It is taken away all the same
   */
  async stop(): Promise<void> {
    const left = await this.takeDown();
    if (left.length === 0) return;
    const { version } = this.installation;
    throw new Error(`containerd ${version} in ${this.directory} left behind:\n  ${left.join("\n  ")}`);
  }

  /**
   * Ends containerd, looks for what its pods and tasks left, then takes away that and everything else. Does nothing the
   * second time.
   *
   * @returns a line for each process, mount, cgroup, address, socket or file that was left; the log is kept if any were
   */
  async takeDown(): Promise<string[]> {
    if (this.#removed) return [];
    this.#removed = true;
    await this.end("SIGTERM");
    const left = [...(await endKeeper(this.nodeFile)), ...(await collectLeftovers(this))];
    if (left.length > 0) this.keepLog("left-behind");
    await removeLeftovers(this);
    await this.network.remove();
    await rm(this.directory, { recursive: true, force: true });
    return left;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #writeFiles(options: ContainerdOptions): Promise<void> {
    const { directory } = this;
    const plugins = findCniPlugins();
    if (plugins === undefined) throw new Error("cannot configure containerd: no CNI plugins on this machine");
    for (const name of ["tmp", "fifo"]) await mkdir(join(directory, name));
    await writeFile(
      join(directory, "runhcs.toml"),
      nodeFile(
        { emulator: this.emulatorDirectory, journals: this.journalDirectory },
        { hosting: options.hosting ?? hostingUnderTest(), ...options.nodeSettings },
      ),
    );
    const config = containerdConfig({
      version: this.installation.version,
      directory,
      handlers: options.handlers ?? [{ name: "default", runtimeType: this.runtime.type }],
      sandboxImage: PAUSE_IMAGE,
      cni: { plugins, configurations: this.network.configurations },
      snapshotter: options.snapshotter ?? "overlayfs",
      logLevel: options.logLevel ?? "debug",
    });
    await writeFile(join(directory, "config.toml"), config);
  }
}
