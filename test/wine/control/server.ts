/** Runs the host of the rig for tests under Wine, and does what they ask of it. */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { ScriptedBackend } from "../../../hcs/scripted/backend.ts";
import { Recorder } from "../../../hcs/scripted/recorder.ts";
import { EmulatorUnderTest } from "../../contract/emulator-under-test.ts";
import { disconnectService } from "../host/compute.ts";
import { RigHost } from "../host/rig-host.ts";
import { echoing } from "./echo.ts";
import { CONTROL_PORT, type CommandName, type Commands } from "./commands.ts";

type Deeds = {
  [N in CommandName]: (
    argument: Parameters<Commands[N]>[0],
  ) => ReturnType<Commands[N]> | Promise<ReturnType<Commands[N]>>;
};

export class ControlServer {
  readonly #host: RigHost;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #recorder: Recorder;
  #scripted: ScriptedBackend;
  #emulator: EmulatorUnderTest | undefined;

  private constructor(host: RigHost, scripted: ScriptedBackend, recorder: Recorder) {
    this.#host = host;
    this.#scripted = scripted;
    this.#recorder = recorder;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async listen(): Promise<ControlServer> {
    const recorder = new Recorder();
    const scripted = new ScriptedBackend(EMPTY_PLATFORM, [], recorder);
    const control = new ControlServer(await RigHost.listen(scripted), scripted, recorder);
    await new Promise<void>((resolve, reject) => {
      control.#server.once("error", reject);
      control.#server.listen(0, "127.0.0.1", resolve);
    });
    return control;
  }

  /** What programs under Wine need to find the host. */
  get environment(): Record<string, string> {
    const { port } = this.#server.address() as AddressInfo;
    return { ...this.#host.environment, [CONTROL_PORT]: String(port) };
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    await this.#host.close();
    await this.#leaveEmulator();
  }

  readonly #deeds: Deeds = {
    useScripted: async ({ platform, files, echo = false }) => {
      await this.#leaveEmulator();
      this.#recorder = new Recorder(platform.fail);
      this.#scripted = new ScriptedBackend(platform, files, this.#recorder);
      await this.#host.replaceMachine(echo ? echoing(this.#scripted) : this.#scripted);
    },
    useEmulator: async () => {
      await this.#leaveEmulator();
      this.#emulator = await EmulatorUnderTest.create();
      await this.#host.replaceMachine(this.#emulator.backend);
    },
    vmDocument: async (changes) => {
      if (this.#emulator === undefined) throw new Error("the emulator is not in use");
      return this.#emulator.document(changes);
    },
    addFault: (fault) => this.#host.faults.add(fault),
    clearFaults: () => this.#host.faults.clear(),
    hanging: () => this.#host.faults.hanging,
    trace: () => this.#recorder.entries,
    documents: () => Object.fromEntries(this.#recorder.documents),
    endProcess: ({ processId, exitCode }) => this.#scripted.machine.endProcess(processId, exitCode),
    crashSystem: (id) => this.#scripted.computeSystems.crash(id),
    recordCalls: () => void (this.#host.recorded = []),
    takeCalls: () => {
      const calls = this.#host.recorded ?? [];
      this.#host.recorded = undefined;
      return calls;
    },
    disconnectService: () => disconnectService(),
    report: (process) => this.#host.report(process),
    takeViolations: () => this.#host.violations.splice(0),
  };

  async #leaveEmulator(): Promise<void> {
    const emulator = this.#emulator;
    this.#emulator = undefined;
    await emulator?.dispose();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined);
    void this.#answerLines(socket);
  }

  async #answerLines(socket: Socket): Promise<void> {
    for await (const line of createInterface({ input: socket })) {
      const { command, argument } = JSON.parse(line) as { command: CommandName; argument: never };
      try {
        const answer = await this.#deeds[command](argument);
        socket.write(`${JSON.stringify({ answer })}\n`);
      } catch (error) {
        socket.write(`${JSON.stringify({ error: error instanceof Error ? error.stack : String(error) })}\n`);
      }
    }
  }
}

const EMPTY_PLATFORM = {
  windowsBuild: 20348,
  hostProcessors: 8,
  vmRuntimeId: "a0a0a0a0-0000-4000-8000-000000000001",
};
