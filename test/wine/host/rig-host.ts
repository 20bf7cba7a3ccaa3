/**
 * The host of the rig: the Linux side of the stand-in DLLs. They forward every checked call to it over loopback TCP, and it decides the
 * answer by a machine behind the port: scripted, or the emulator. What it is told to do wrong it does wrong first.
 */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { HcsBackend } from "../../../hcs/api.ts";
import { LOOPBACK_DIRECTORY } from "../../../hcs/win32/hvsocket/loopback.ts";
import { winePath } from "../../support/wine.ts";
import { RIG_PORT } from "../control/commands.ts";
import { answerOf } from "./answer.ts";
import { Call, type Answer, type Handlers, type RigMachine } from "./call.ts";
import { Connection } from "./connection.ts";
import { Faults } from "./faults.ts";
import { FRAME, FrameReader, type Frame } from "./frame.ts";
import { HANDLERS } from "./handlers.ts";
import { HvSockets } from "./hv-sockets.ts";
import { Streams } from "./streams.ts";

const E_NOTIMPL = 0x8000_4001;

type HandlersByLibrary = Readonly<Record<string, Handlers>>;

/** `function`, and its arguments by name. */
export type NativeCallRecord = Frame["fields"];

/** What one DLL of a process has open. */
export interface Report {
  readonly library: string;
  /** Open handles by kind, `results` that were not freed, `processHandles` of the whole process. */
  readonly counts: Readonly<Record<string, number>>;
}

export class RigHost implements RigMachine {
  readonly faults: Faults = new Faults();
  readonly streams: Streams = new Streams();
  /** What the DLLs complained of. A test that leaves any has failed. */
  readonly violations: string[] = [];
  /** Every call of a native function, in order, while somebody wants them. */
  recorded: NativeCallRecord[] | undefined;
  readonly #hvSockets: HvSockets;
  readonly #server: Server;
  readonly #handlers: HandlersByLibrary;
  readonly #connections = new Set<Connection>();
  readonly #sockets = new Set<Socket>();
  #backend: HcsBackend;

  private constructor(backend: HcsBackend, handlers: HandlersByLibrary) {
    this.#backend = backend;
    this.#handlers = handlers;
    this.#hvSockets = new HvSockets(backend.hvSocket, (what) => this.violation("Hyper-V sockets", what));
    this.#server = createServer((socket) => this.#welcome(socket));
  }

  /** Listens on a port of this machine alone. */
  static async listen(backend: HcsBackend, handlers: HandlersByLibrary = HANDLERS): Promise<RigHost> {
    const host = new RigHost(backend, handlers);
    await new Promise<void>((resolve, reject) => {
      host.#server.once("error", reject);
      host.#server.listen(0, "127.0.0.1", resolve);
    });
    return host;
  }

  /** What a program under Wine needs to find the host, and the guests of its machine. */
  get environment(): Record<string, string> {
    return {
      [RIG_PORT]: String((this.#server.address() as AddressInfo).port),
      [LOOPBACK_DIRECTORY]: winePath(this.#hvSockets.directory),
    };
  }

  /** The machine that answers. */
  get backend(): HcsBackend {
    return this.#backend;
  }

  /** Another machine answers from now on; handles to the one before are useless. */
  async replaceMachine(backend: HcsBackend): Promise<void> {
    this.#backend = backend;
    await this.#hvSockets.replaceMachine(backend.hvSocket);
  }

  /** Takes note of the Hyper-V sockets that programs have made or given up since they said anything. */
  async followHvSockets(): Promise<void> {
    await this.#hvSockets.follow();
  }

  violation(call: string, what: string): void {
    this.violations.push(`${call}: ${what}`);
  }

  /**
   * What each DLL of a process has open now; nothing when the process ends meanwhile. Only of a process that is known to live: Wine's
   * server keeps sockets of processes that were ended in the middle of a read, and nobody answers on those.
   */
  async report(process: number): Promise<Report[]> {
    const asked = [...this.#connections].filter((connection) => connection.process === process);
    const reports = await Promise.all(
      asked.map(async (connection) => {
        const counts = (await connection.report()) as Record<string, number> | undefined;
        return counts && { library: connection.library, counts };
      }),
    );
    return reports.filter((report) => report !== undefined);
  }

  async close(): Promise<void> {
    this.faults.clear();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    await Promise.all([...this.#connections].map((connection) => connection.gone()));
    await this.#hvSockets.close();
  }

  #welcome(socket: Socket): void {
    const reader = new FrameReader();
    let connection: Connection | undefined;
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    const read = (chunk: Buffer): void => {
      for (const frame of reader.push(chunk)) {
        if (frame.kind === FRAME.stream) {
          socket.off("data", read);
          this.streams.join(Number(frame.fields["stream"]), socket, reader.rest);
          return;
        }
        if (frame.kind === FRAME.hello) {
          connection = new Connection(socket, frame);
          this.#connections.add(connection);
        } else if (connection !== undefined) {
          void this.#receive(connection, frame);
        }
      }
    };
    socket.on("data", read);
    // A process that is killed resets its connections: its end follows as "close".
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (connection === undefined) return;
      this.#connections.delete(connection);
      connection.gone().catch((error: unknown) => this.violation("end of a process", String(error)));
    });
  }

  async #receive(connection: Connection, frame: Frame): Promise<void> {
    if (frame.kind === FRAME.report) return connection.handleReport(frame);
    if (frame.kind === FRAME.call || frame.kind === FRAME.note) this.recorded?.push(frame.fields);
    if (frame.kind === FRAME.note) return;
    if (frame.kind === FRAME.violation)
      return this.violation(String(frame.fields["function"]), String(frame.fields["what"]));
    const call = new Call(connection, frame, (name, what) => this.violation(name, what));
    connection.answer(frame.id, await this.#answer(call));
  }

  async #answer(call: Call): Promise<Answer> {
    const handler = this.#handlers[call.connection.library.toLowerCase()]?.[call.function];
    if (handler === undefined) {
      this.violation(call.function, "the host has no handler for it");
      return { hresult: E_NOTIMPL };
    }
    try {
      await this.#hvSockets.follow();
      return { hresult: 0, ...(await handler(call, this)) };
    } catch (error) {
      return answerOf(error, (what) => this.violation(call.function, what));
    }
  }
}
