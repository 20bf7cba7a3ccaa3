/** A Windows container of the guest: its silo (a runc container with a Wine server in it) and the processes in that. */
import { constants, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import type { NotificationType } from "../../../guest/protocol.ts";
import type { GuestProperties } from "../../../guest/properties.ts";
import { NO_MEMORY, PROCESS_ABORTED } from "../../../exit-codes.ts";
import { hresultFromWin32 } from "../../../hresult.ts";
import { stringifyJson } from "../../../json.ts";
import type { ProcessListEntry } from "../../../schema/properties.ts";
import { makeFifo, mount, MS } from "../../../posix/libc.ts";
import { outOfMemoryKills } from "../../cgroup/statistics.ts";
import { cgroupProcesses, removeCgroup, type CgroupHierarchy } from "../../cgroup/tree.ts";
import { unmountDirectly } from "../../storage/storage.ts";
import { unmountTree } from "../../storage/unmount-tree.ts";
import { ACCOUNTS } from "../../windows/template.ts";
import { GuestError, RESULT } from "../errors.ts";
import type { Log } from "../log.ts";
import { hostsFile } from "../network-files.ts";
import type { OciProcess } from "../oci.ts";
import { StdioPipes } from "../pipes.ts";
import { GuestProcess } from "../process.ts";
import type { Launched, Runc } from "../runc.ts";
import { PipeStdio, TerminalStdio, type GuestStdio } from "../stdio.ts";
import { closeStdio, dialStdio, type Dial, type StreamName } from "../stdio-ports.ts";
import { waitForExit } from "../wait-for-exit.ts";
import { Console, type ConsoleSize } from "./console.ts";
import { LaunchReport } from "./launch.ts";
import { PipeRelay, type MappedHostPipe } from "./pipes/relay.ts";
import { processList, siloStatistics, withoutServices } from "./properties.ts";
import type { WindowsProcessParameters } from "./requests.ts";
import { prepareRoot } from "./root.ts";
import {
  DRIVE,
  EXCHANGE,
  imageName,
  launcherArguments,
  ntPath,
  READY,
  SILO_CAPABILITIES,
  siloResources,
  siloSpec,
  wineEnvironment,
  type SiloLimits,
  type SiloPlan,
} from "./silo-spec.ts";

export interface WindowsContainerInit {
  readonly id: string;
  /** Of the Create request; repeated in the exit notification. */
  readonly activityId: string | undefined;
  /** Files of the silo; removed with it. */
  readonly bundle: string;
  readonly plan: Omit<SiloPlan, "exchange" | "hosts">;
  /**
   * Of a HostProcess container: where its root appears in the drive of what is around it. It knows the accounts of that,
   * others those of their image.
   */
  readonly hostProcessRoot: string | undefined;
  /** Pipes of the host that it has. */
  readonly pipes: readonly MappedHostPipe[];
  readonly log: Log;
  readonly runc: Runc;
  readonly hierarchies: readonly CgroupHierarchy[];
  readonly onExit: (container: WindowsContainer, type: NotificationType) => void;
}

export interface ExecStreams {
  readonly dial: Dial;
  readonly ports: ReadonlyMap<StreamName, number>;
}

type State = "created" | "running" | "stopped";

const ERROR_INVALID_PARAMETER = 87;
const ERROR_NO_SUCH_USER = 1317;

/** Numbers of console events (wincon.h), by the names in signal requests. */
const CONSOLE_EVENTS: ReadonlyMap<string, number> = new Map([
  ["CtrlC", 0],
  ["CtrlBreak", 1],
  ["CtrlClose", 2],
  ["CtrlLogOff", 5],
  ["CtrlShutdown", 6],
]);

/** Accounts every Windows has, by their case-folded names: what programs see as the user's name. */
const SYSTEM_ACCOUNTS: ReadonlyMap<string, string> = new Map(
  [...ACCOUNTS, "Administrator", "SYSTEM", "LOCAL SERVICE", "NETWORK SERVICE"].map((name) => [
    name.toLowerCase(),
    name,
  ]),
);

interface SiloProcess {
  readonly process: GuestProcess;
  readonly windowsPid: number;
  readonly image: string;
  /** Of a process that has one. */
  readonly console: Console | undefined;
}

/** What serves the container's pipes, in it and around it. */
interface PipeService {
  readonly pid: number;
  readonly relay: PipeRelay;
}

export class WindowsContainer {
  readonly id: string;
  readonly #init: WindowsContainerInit;
  readonly #plan: SiloPlan;
  readonly #processes = new Map<number, SiloProcess>();
  #silo: Launched | undefined;
  #pipes: PipeService | undefined;
  #state: State = "created";
  #startedAt: Date | undefined;
  #exitType: NotificationType = "UnexpectedExit";
  #launches = 0;
  #released: Promise<void> = Promise.resolve();

  constructor(init: WindowsContainerInit) {
    this.id = init.id;
    this.#init = init;
    const { bundle } = init;
    this.#plan = { ...init.plan, exchange: join(bundle, "exchange"), hosts: join(bundle, "hosts") };
  }

  get activityId(): string | undefined {
    return this.#init.activityId;
  }

  get #isHostProcess(): boolean {
    return this.#init.hostProcessRoot !== undefined;
  }

  /** The root of drive C: in the worker's view. */
  get drive(): string {
    return join(this.#plan.prefix, "drive_c");
  }

  get state(): State {
    return this.#state;
  }

  /** Settles when all that the silo had in the guest is gone. Rejects with what could not be removed. */
  get released(): Promise<void> {
    return this.#released;
  }

  /** Settles when the host has the output and the exits of all processes. */
  get drained(): Promise<unknown> {
    return Promise.all([...this.#processes.values()].map(({ process }) => process.finished));
  }

  /** Starts the silo. Resolves when Windows is up in it. */
  async start(): Promise<void> {
    if (this.#state !== "created") {
      throw new GuestError(
        RESULT.invalidState,
        `container "${this.id}" has been started: it is ${this.#state}`,
      );
    }
    this.#state = "running";
    const { bundle, runc } = this.#init;
    try {
      this.#makeBundle();
      const ready = openFifo(join(this.#plan.exchange, READY));
      try {
        this.#silo = await runc.create(this.id, bundle, { child: ["ignore", "ignore", "ignore"] });
        const ended = this.#silo.exited;
        this.#released = ended.then(() => this.#end());
        this.#released.catch(() => undefined);
        await runc.start(this.id);
        await Promise.race([firstData(ready), ended.then(() => Promise.reject(this.#died()))]);
      } finally {
        ready.destroy();
      }
      await this.#servePipes();
      this.#startedAt = new Date();
    } catch (error) {
      if (this.#silo === undefined) await this.#removeFiles();
      else this.#kill();
      throw error;
    }
  }

  #died(): GuestError {
    return new GuestError(RESULT.failed, `Windows did not start in container "${this.id}"`);
  }

  #makeBundle(): void {
    const { bundle } = this.#init;
    const { hosts, hostname } = this.#plan;
    if (hostname !== undefined) writeFileSync(hosts, hostsFile(hostname), { mode: 0o644 });
    mkdirSync(join(bundle, "rootfs"), { recursive: true, mode: 0o700 });
    mkdirSync(this.#plan.exchange, { mode: 0o700 });
    makeFifo(join(this.#plan.exchange, READY), 0o600);
    // The silo's view of the drive follows this one.
    mount({ target: this.drive, flags: MS.shared });
    prepareRoot(join(bundle, "rootfs"), this.#plan.programs);
    writeFileSync(join(bundle, "config.json"), stringifyJson(siloSpec(this.#plan)), { mode: 0o600 });
  }

  async #servePipes(): Promise<void> {
    const { pipes, runc, log } = this.#init;
    if (pipes.length === 0) return;
    const args = launcherArguments(this.#plan.wine, "pipes", ...pipes.map(({ name }) => name));
    const streams = new StdioPipes(new Set(["stdin", "stdout"]));
    try {
      const { pid } = await runc.exec(this.id, processOf(args, "SYSTEM"), streams);
      const [input, output] = [streams.open("stdin"), streams.open("stdout")];
      if (input === undefined || output === undefined)
        throw new Error("the streams of the relay are not there");
      this.#pipes = { pid, relay: new PipeRelay(pipes, { input, output }, log) };
    } catch (error) {
      streams.destroy();
      throw error;
    } finally {
      streams.closeChildEnds();
    }
    await this.#pipes.relay.start();
  }

  /** Starts a process. Answers its pid in the worker's pid namespace. */
  async exec(parameters: WindowsProcessParameters, { dial, ports }: ExecStreams): Promise<number> {
    this.#requireRunning();
    const { CommandLine = "", EmulateConsole: hasConsole = false } = parameters;
    if (CommandLine === "") throw new GuestError(RESULT.invalidArgument, "no command line is given");
    const user = this.#accountOf(parameters.User ?? "");
    const name = `p${++this.#launches}`;
    const connections = await dialStdio(dial, ports);
    let stdio: GuestStdio | undefined;
    const { hostProcessRoot: root } = this.#init;
    const report = new LaunchReport(join(this.#plan.exchange, name), {
      commandLine: CommandLine,
      workingDirectory: parameters.WorkingDirectory || root || "C:\\",
      environment: {
        ...parameters.Environment,
        ...(root === undefined ? {} : { CONTAINER_SANDBOX_MOUNT_POINT: `${root.replace(/\\$/, "")}\\` }),
      },
    });
    try {
      const args = launcherArguments(this.#plan.wine, "run", ntPath(`${EXCHANGE}/${name}`));
      const consoleSize = hasConsole ? initialSize(parameters.ConsoleSize) : undefined;
      const launch = await this.#launch(args, user, consoleSize, ports);
      stdio = launch.stdio;
      stdio.attach(connections);
      const killedBefore = this.#outOfMemoryKills();
      const exited = launch.exited.then(async () => this.#exitCodeOf(await report.finish(), killedBefore));
      const process = new GuestProcess({ pid: launch.pid, exited, stdio });
      const windowsPid = await report.started;
      this.#processes.set(launch.pid, {
        ...{ process, windowsPid, image: imageName(CommandLine) },
        console: hasConsole ? this.#consoleOf(process, windowsPid) : undefined,
      });
      return launch.pid;
    } catch (error) {
      stdio?.release();
      closeStdio(connections);
      if (stdio === undefined) await report.finish();
      throw error;
    }
  }

  /**
   * A process that the kernel kills looks to Wine like one that ended well. Windows refuses memory instead, and programs
   * end of that.
   *
   * @param reported undefined: its launcher has ended without telling
   */
  #exitCodeOf(reported: number | undefined, killedBefore: number): number {
    if ((reported ?? 0) === 0 && this.#outOfMemoryKills() > killedBefore) return NO_MEMORY;
    return reported ?? PROCESS_ABORTED;
  }

  #outOfMemoryKills(): number {
    return outOfMemoryKills(this.#plan.cgroup, this.#init.hierarchies);
  }

  /** Two shapes of names: `user`, and `DOMAIN\user`. @returns what programs see as their user's name */
  #accountOf(given: string): string {
    const name = given.slice(given.lastIndexOf("\\") + 1);
    if (name === "") return this.#isHostProcess ? "SYSTEM" : "ContainerUser";
    const known = SYSTEM_ACCOUNTS.get(name.toLowerCase());
    if (known !== undefined) return known;
    // Whoever is on the host has been looked up there already.
    if (this.#isHostProcess) return name;
    throw new GuestError(
      hresultFromWin32(ERROR_NO_SUCH_USER),
      `there is no account "${given}" in container "${this.id}": it has ${[...SYSTEM_ACCOUNTS.values()].join(", ")}`,
    );
  }

  async #launch(
    args: readonly string[],
    user: string,
    consoleSize: ConsoleSize | undefined,
    ports: ReadonlyMap<StreamName, number>,
  ): Promise<Launched & { readonly stdio: GuestStdio }> {
    const process = processOf(args, user, consoleSize);
    const { runc } = this.#init;
    if (consoleSize !== undefined) {
      const { terminal: opened, ...launched } = await runc.exec(this.id, process, "terminal");
      if (opened === undefined) throw new GuestError(RESULT.failed, "runc gave no terminal");
      return { ...launched, stdio: new TerminalStdio(opened) };
    }
    const pipes = new StdioPipes(new Set(ports.keys()));
    try {
      return { ...(await runc.exec(this.id, process, pipes)), stdio: new PipeStdio(pipes) };
    } catch (error) {
      pipes.destroy();
      throw error;
    } finally {
      pipes.closeChildEnds();
    }
  }

  /**
   * Waits until process `pid` has exited. Not for the end of its output: programs that it has started may have it too, and
   * on Windows live on.
   */
  async wait(pid: number, timeoutMs: number): Promise<number> {
    const { process } = this.#find(pid);
    return waitForExit(process.ended, timeoutMs, `process ${pid} of container "${this.id}"`);
  }

  async resize(pid: number, size: ConsoleSize): Promise<void> {
    const { process, console } = this.#find(pid);
    if (console === undefined) throw new GuestError(RESULT.failed, `process ${pid} has no console`);
    if (process.status === undefined) await console.resize(size);
  }

  /** Wine does not look after the size of its terminal: what programs see is set from inside. */
  #consoleOf(process: GuestProcess, windowsPid: number): Console {
    return new Console(async (size) => {
      if (process.status !== undefined) return;
      process.stdio.resize(size);
      await this.#ask("resize", windowsPid, size.height, size.width);
    });
  }

  /** Delivers a console event; without one, ends the process. */
  async signal(pid: number, signal: string | undefined): Promise<void> {
    const { process, windowsPid } = this.#find(pid);
    if (process.status !== undefined || this.#state !== "running")
      throw new GuestError(RESULT.elementNotFound, `process ${pid} has exited`);
    if (signal === undefined) return this.#ask("terminate", windowsPid, PROCESS_ABORTED);
    const event = CONSOLE_EVENTS.get(signal);
    if (event === undefined) {
      const known = [...CONSOLE_EVENTS.keys()].join(", ");
      throw new GuestError(RESULT.invalidArgument, `there is no signal "${signal}": it is one of ${known}`);
    }
    return this.#ask("signal", windowsPid, event);
  }

  /** Has the launcher do something about a process, from inside. */
  async #ask(
    verb: "signal" | "terminate" | "resize",
    windowsPid: number,
    ...numbers: readonly number[]
  ): Promise<void> {
    const args = launcherArguments(this.#plan.wine, verb, ...[windowsPid, ...numbers].map(String));
    const { exited } = await this.#launch(args, "SYSTEM", undefined, new Map());
    const status = await exited;
    // It has ended meanwhile, alone or with the container.
    if (status === 0 || status === ERROR_INVALID_PARAMETER || this.#state !== "running") return;
    throw new GuestError(hresultFromWin32(status), `process ${windowsPid}: ${verb} failed`);
  }

  /** Asks Windows to shut down: it ends its processes and writes its registry. */
  shutdown(): void {
    this.#requireRunning();
    this.#exitType = "GracefulExit";
    this.#afterPipes(() => {
      const server = this.#server();
      if (server === undefined) this.#kill();
      else process.kill(server, "SIGTERM");
    });
  }

  #server(): number | undefined {
    return this.#pids().find((pid) => commandLine(pid).startsWith(`${this.#plan.wine.server}\0-p`));
  }

  terminate(): void {
    if (this.#state === "stopped")
      throw new GuestError(RESULT.alreadyStopped, `container "${this.id}" is not running`);
    this.#exitType = "ForcedExit";
    if (this.#silo === undefined) void this.#end();
    else this.#afterPipes(() => this.#kill());
  }

  /** Ends the container's programs; what they have written to pipes of the host gets there before `end`. */
  #afterPipes(end: () => void): void {
    if (this.#pipes === undefined) {
      end();
      return;
    }
    const { pid, relay } = this.#pipes;
    const kept = new Set([this.#silo?.pid, this.#server(), pid]);
    // Launchers first: how what they have started ends is not to be told as its own doing.
    const programs = this.#pids().filter((program) => !kept.has(program));
    const isLauncher = (program: number): boolean => this.#processes.has(program);
    for (const program of programs.filter(isLauncher)) killIfThere(program);
    for (const program of programs) killIfThere(program);
    void relay.finish().then(() => {
      if (this.#state === "running") end();
    });
  }

  /** With the first process of its pid namespace the kernel ends all the others. */
  #kill(): void {
    if (this.#silo !== undefined) killIfThere(this.#silo.pid);
  }

  async #end(): Promise<void> {
    this.#state = "stopped";
    this.#pipes?.relay.close();
    try {
      // Their launchers have ended: the exits are known before the container's own is told.
      await Promise.all([...this.#processes.values()].map(({ process }) => process.ended));
      await this.#removeFiles();
    } finally {
      this.#init.onExit(this, this.#exitType);
    }
  }

  async #removeFiles(): Promise<void> {
    const { bundle, runc, hierarchies } = this.#init;
    await runc.delete(this.id);
    await removeCgroup(this.#plan.cgroup, hierarchies);
    await unmountTree(bundle, unmountDirectly);
    rmSync(bundle, { recursive: true, force: true });
  }

  async setLimits(limits: Partial<SiloLimits>): Promise<void> {
    const { devices: _, ...resources } = siloResources({ ...NO_LIMITS, ...limits }) as { devices?: unknown };
    await this.#init.runc.update(this.id, resources);
  }

  properties(types: readonly string[]): GuestProperties {
    const { hierarchies, plan } = this.#init;
    return {
      ...(types.includes("ProcessList") ? { ProcessList: this.#processList() } : {}),
      ...(types.includes("Statistics")
        ? { Statistics: siloStatistics(plan.cgroup, hierarchies, this.#startedAt) }
        : {}),
    };
  }

  #processList(): ProcessListEntry[] {
    // On Windows its kernel serves mapped pipes.
    const pids = this.#pids().filter((pid) => pid !== this.#pipes?.pid);
    const all = processList(pids, (pid) => this.#processes.get(pid)?.image);
    return this.#isHostProcess ? withoutServices(all) : all;
  }

  /** 0 stands for a process that this pid namespace does not see. */
  #pids(): number[] {
    return cgroupProcesses(this.#plan.cgroup, this.#init.hierarchies)
      .filter((pid) => pid > 0)
      .sort((a, b) => a - b);
  }

  #find(pid: number): SiloProcess {
    const found = this.#processes.get(pid);
    if (found !== undefined) return found;
    throw new GuestError(RESULT.elementNotFound, `container "${this.id}" has no process ${pid}`);
  }

  #requireRunning(): void {
    if (this.#state === "running") return;
    const hresult = this.#state === "stopped" ? RESULT.alreadyStopped : RESULT.invalidState;
    throw new GuestError(hresult, `container "${this.id}" is not running: it is ${this.#state}`);
  }
}

/** For runc: a process of Wine. */
function processOf(
  args: readonly string[],
  user: string,
  consoleSize?: ConsoleSize,
): OciProcess & { readonly capabilities: object } {
  return {
    args: [...args],
    env: wineEnvironment(user),
    // Where Windows programs can be, too.
    cwd: DRIVE,
    user: { uid: 0, gid: 0 },
    capabilities: SILO_CAPABILITIES,
    terminal: consoleSize !== undefined,
    ...(consoleSize === undefined ? {} : { consoleSize }),
  };
}

/** What consoles of containers have when nobody says. */
const DEFAULT_CONSOLE: ConsoleSize = { height: 25, width: 80 };

function initialSize([height = 0, width = 0]: readonly number[] = []): ConsoleSize {
  return height > 0 && width > 0 ? { height, width } : DEFAULT_CONSOLE;
}

const NO_LIMITS: SiloLimits = { memoryMb: 0, processors: 0, weight: 0 };

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return "";
    throw error;
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function openFifo(path: string): Socket {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false });
}

function firstData(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("data", () => resolve());
    socket.once("error", reject);
  });
}
