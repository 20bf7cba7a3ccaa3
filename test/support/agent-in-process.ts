/** An agent in this process, at the other end of a pair of streams: no VM, no container. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { duplexPair, type Duplex } from "node:stream";
import { systemClock, type Clock } from "../../shim/clock.ts";
import { createAgentServer, type AgentServer } from "../../shim/agent/guest/server.ts";
import { Staging } from "../../shim/agent/guest/staging.ts";
import { LinuxProcessTrees } from "../../shim/agent/guest/linux/process-trees.ts";
import { Transfers } from "../../shim/agent/guest/transfer.ts";
import { GrpcConnection, type GrpcStream } from "../../shim/agent/host/grpc-stream.ts";
import { EXEC_PATH } from "../../shim/agent/protocol/wire.ts";
import { ExecClientFrame, ExecHeader, ExecServerFrame, InputFile } from "../../protos/gen/agent.ts";
import { makeScratchDirectory } from "./temp-directory.ts";

const MESSAGE_BYTES = 4 << 20;

export class AgentInProcess {
  readonly directory: string;
  readonly staging: string;
  readonly connection: GrpcConnection;
  /** Security events by name, in order. */
  readonly events: string[] = [];
  readonly #server: AgentServer;
  readonly #transfers = new Transfers();

  private constructor(directory: string, clock: Clock) {
    this.directory = directory;
    this.staging = join(directory, "staging");
    this.#server = createAgentServer({
      platform: "posix",
      staging: new Staging(this.staging),
      trees: new LinuxProcessTrees(false),
      transfers: this.#transfers,
      log: { info: () => undefined, security: (event) => void this.events.push(event) },
      clock,
      environment: { PATH: process.env["PATH"] ?? "" },
    });
    this.connection = this.connect();
  }

  static async create(clock: Clock = systemClock): Promise<AgentInProcess> {
    return new AgentInProcess(await makeScratchDirectory("agent-"), clock);
  }

  /** Serves the other end of a connection. */
  accept(connection: Duplex): void {
    this.#server.accept(connection);
  }

  /** Another connection to the same agent. */
  connect(): GrpcConnection {
    const [near, far] = duplexPair();
    this.#server.accept(far);
    return new GrpcConnection(near, MESSAGE_BYTES);
  }

  get running(): number {
    return this.#server.running;
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  makeDirectory(name: string): string {
    const directory = this.path(name);
    mkdirSync(directory, { recursive: true });
    return directory;
  }

  stream(): GrpcStream {
    return this.connection.open(EXEC_PATH);
  }

  close(): void {
    this.connection.close();
    this.#server.close();
    this.#transfers.close();
  }
}

export function header(init: Partial<ExecHeader>): Uint8Array {
  return ExecClientFrame.encode({ header: ExecHeader.create(init) });
}

export function input(init: Partial<InputFile>): Uint8Array {
  return ExecClientFrame.encode({ input: InputFile.create(init) });
}

/** Sends all at once, half-closes, and reads to the end. @throws what the stream ends with */
export async function converse(
  stream: GrpcStream,
  messages: readonly Uint8Array[],
): Promise<ExecServerFrame[]> {
  for (const message of messages) await stream.send(message);
  stream.end();
  const frames: ExecServerFrame[] = [];
  for await (const message of stream.messages()) frames.push(ExecServerFrame.decode(message));
  return frames;
}
