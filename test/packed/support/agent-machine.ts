/**
 * A Windows machine with nothing in it but the packed agent, under Wine. Its Hyper-V sockets are connections of the loopback interface: the
 * agent writes into a folder where it listens, and the caller, on Linux, looks there.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HvSocketAddress } from "../../../hcs/api.ts";
import { HcsError } from "../../../hcs/errors.ts";
import { hresultFromWin32 } from "../../../hcs/hresult.ts";
import { VM_ID, vsockServiceId } from "../../../hcs/schema/hv-socket.ts";
import { LOOPBACK_DIRECTORY } from "../../../hcs/win32/hvsocket/loopback.ts";
import { prepareWine } from "../../../scripts/wine/prepare.ts";
import { createReporter } from "../../../scripts/terminal/reporter.ts";
import { openHypervisorContainer, type HypervisorContext } from "../../../shim/agent/runtime/hypervisor.ts";
import type { IsolatedContainer } from "../../../shim/agent/runtime/runtime.ts";
import { AGENT_PORT } from "../../../shim/agent/protocol/wire.ts";
import { until } from "../../support/until.ts";
import { copyWineMachine, startWine, winePath, type WineMachine } from "../../support/wine.ts";

const AGENT = join(import.meta.dirname, "../../../dist/win32-x64/agent.exe");
const STAGING = "C:\\hpcc";
const WSAECONNREFUSED = 10061;
const SERVICE = vsockServiceId(AGENT_PORT);

export class AgentMachine implements AsyncDisposable {
  readonly directory: string;
  readonly #wine: WineMachine;
  readonly #agent: ChildProcess;
  readonly #sockets: string;
  readonly #log: string;
  readonly #streams: Socket[] = [];

  private constructor(wine: WineMachine, directory: string) {
    this.directory = directory;
    this.#wine = wine;
    this.#sockets = join(directory, "sockets");
    this.#log = join(directory, "agent.log");
    mkdirSync(this.#sockets);
    this.#agent = startWine([winePath(AGENT), "--listen", `hyperv:${AGENT_PORT}`, "--staging", STAGING], {
      prefix: wine.prefix,
      output: this.#log,
      cwd: join(wine.prefix, "drive_c"),
      env: { [LOOPBACK_DIRECTORY]: winePath(this.#sockets) },
    });
  }

  static async boot(): Promise<AgentMachine> {
    const tools = await prepareWine(createReporter(process.stderr));
    const wine = await copyWineMachine(tools.prefix, tools.standIns);
    const directory = mkdtempSync(join(tmpdir(), "runhcs-agent-"));
    return new AgentMachine(wine, directory);
  }

  /** Connects as a caller on the host does; waits for the agent to be there. */
  async open(context: Partial<HypervisorContext> = {}): Promise<IsolatedContainer> {
    await until("the agent to listen", () => this.log.includes('"agent listens"') || this.#hasEnded());
    if (this.#hasEnded()) throw new Error(`the agent has ended: ${this.log}`);
    const hvSocket = { connect: (address: HvSocketAddress) => this.#connect(address) };
    const system = { id: "machine@vm", runtimeId: VM_ID.zero, state: "Running" };
    const computeSystems = { enumerate: async () => (this.#hasEnded() ? [] : [system]) };
    return openHypervisorContainer(
      {
        id: "machine",
        vm: system.id,
        address: { vmId: VM_ID.zero, serviceId: SERVICE, staging: STAGING, os: "windows" },
        boundary: { isolation: "emulated", boundary: "partition+hvsocket", shares: 0, transport: "unix" },
      },
      { backend: { hvSocket, computeSystems } as never, ...context },
    );
  }

  get log(): string {
    return readFileSync(this.#log, "utf8");
  }

  /** Where a path of drive C is on this machine. */
  locate(...names: string[]): string {
    return join(this.#wine.prefix, "drive_c", ...names);
  }

  /** What is left of jobs: names below the staging directory. */
  staged(): string[] {
    return ["src", "out"].flatMap((part) => readdirSync(this.locate("hpcc", part)));
  }

  /** Windows programs of this machine that run, by name. */
  programs(name: string): number[] {
    return readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry))
      .map(Number)
      .filter((pid) => this.#isOurs(pid, name));
  }

  /** As a machine that loses its power. */
  crash(): void {
    for (const pid of this.programs("agent.exe")) process.kill(pid, "SIGKILL");
    for (const stream of this.#streams) stream.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#hasEnded() ? undefined : once(this.#agent, "exit");
    await this.#wine[Symbol.asyncDispose]();
    await ended;
    rmSync(this.directory, { recursive: true, force: true });
  }

  #hasEnded(): boolean {
    return this.#agent.exitCode !== null || this.#agent.signalCode !== null;
  }

  #isOurs(pid: number, name: string): boolean {
    try {
      return (
        readFileSync(`/proc/${pid}/cmdline`, "latin1").toLowerCase().includes(name) &&
        readFileSync(`/proc/${pid}/environ`, "latin1").includes(`WINEPREFIX=${this.#wine.prefix}\0`) &&
        readlinkSync(`/proc/${pid}/exe`).includes("wine")
      );
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ESRCH") return false;
      throw error;
    }
  }

  async #connect(address: HvSocketAddress): Promise<Socket> {
    const port = this.#portOf(address);
    if (port === undefined)
      throw new HcsError({ operation: "connect", hresult: hresultFromWin32(WSAECONNREFUSED) });
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    this.#streams.push(socket);
    return socket;
  }

  #portOf({ vmId, serviceId }: HvSocketAddress): number | undefined {
    try {
      return Number(readFileSync(join(this.#sockets, vmId, serviceId), "utf8"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }
}
