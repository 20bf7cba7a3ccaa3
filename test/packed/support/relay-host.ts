/** The Linux side of the relay: named pipes of a Wine machine as streams. */
import { build } from "esbuild";
import { createDeferred, type Deferred } from "../../../hcs/deferred.ts";
import { type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { startWine, winePath } from "../../support/wine.ts";
import { RELAY_PORT, type RelayReply, type RelayRequest } from "./relay-messages.ts";

const RELAY_START_MS = 60_000;
/** Longer than dialling a pipe that is busy or going away takes: libuv waits half a minute for it. */
const REPLY_MS = 60_000;
const RELAY_END_MS = 15_000;

export class RelayHost {
  readonly #server: Server;
  readonly #process: ChildProcess;
  readonly #control: Deferred<Socket> = createDeferred();
  readonly #replies = new Map<number, Deferred<RelayReply>>();
  readonly #channels = new Map<string, (stream: Socket) => void>();
  readonly #sockets = new Set<Socket>();
  #lastChannel = 0;
  #lastRequest = 0;

  private constructor(server: Server, process: ChildProcess) {
    this.#server = server;
    this.#process = process;
    server.on("connection", (socket) => this.#welcome(socket));
  }

  /** @param folder an empty one, for the program and its output */
  static async start(prefix: string, node: string, folder: string): Promise<RelayHost> {
    const program = join(folder, "relay.cjs");
    await build({
      entryPoints: [join(import.meta.dirname, "relay.ts")],
      outfile: program,
      bundle: true,
      platform: "node",
      format: "cjs",
    });
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const process = startWine([node, winePath(program)], {
      prefix,
      output: join(folder, "relay.log"),
      env: { [RELAY_PORT]: String(port) },
    });
    const host = new RelayHost(server, process);
    process.once("exit", (code) => host.#control.reject(new Error(`the relay ended with ${code}`)));
    const late = setTimeout(
      () => host.#control.reject(new Error("the relay does not answer")),
      RELAY_START_MS,
    );
    await host.#control.promise.finally(() => clearTimeout(late));
    return host;
  }

  /** @throws with the system's code when nobody serves the pipe */
  async dial(path: string): Promise<Socket> {
    const channel = this.#newChannel();
    const stream = createDeferred<Socket>();
    this.#channels.set(channel, stream.resolve);
    try {
      await this.#ask({ op: "dial", path, channel });
      return await inTime(stream.promise, REPLY_MS, `the bytes of ${path}`);
    } finally {
      this.#channels.delete(channel);
    }
  }

  /** Whether somebody serves the pipe. @throws while that cannot be told, for a pipe that is coming or going */
  async isServed(path: string): Promise<boolean> {
    try {
      await this.#ask({ op: "probe", path });
      return true;
    } catch (error) {
      if ((error as Error).message.includes("ENOENT")) return false;
      throw error;
    }
  }

  /** Can be dialled when this resolves. */
  async serve(path: string, onConnection: (stream: Socket) => void): Promise<void> {
    const channel = this.#newChannel();
    this.#channels.set(channel, onConnection);
    await this.#ask({ op: "serve", path, channel });
  }

  /** @param pid of a Windows process */
  async kill(pid: number): Promise<void> {
    await this.#ask({ op: "kill", pid });
  }

  async close(): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    const ended = exitCode === null && signalCode === null ? once(this.#process, "exit") : undefined;
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    // It ends by itself with its control connection.
    const late = setTimeout(() => this.#process.kill("SIGKILL"), RELAY_END_MS);
    await ended;
    clearTimeout(late);
  }

  #newChannel(): string {
    return `channel-${++this.#lastChannel}`;
  }

  async #ask(request: RelayRequest): Promise<void> {
    const control = await this.#control.promise;
    const reply = createDeferred<RelayReply>();
    const id = ++this.#lastRequest;
    this.#replies.set(id, reply);
    control.write(`${JSON.stringify({ ...request, id })}\n`);
    const { error } = await inTime(reply.promise, REPLY_MS, `the relay to ${request.op}`).finally(() =>
      this.#replies.delete(id),
    );
    if (error !== undefined) throw new Error(`the relay cannot ${request.op}: ${error}`);
  }

  /** A connection says with its first line what it is. */
  #welcome(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
    let early = Buffer.alloc(0);
    // Not by "data": what nobody listens for yet would be lost, and what was paused would stay so.
    const read = (): void => {
      early = Buffer.concat([early, (socket.read() as Buffer | null) ?? Buffer.alloc(0)]);
      const end = early.indexOf("\n");
      if (end < 0) return;
      socket.off("readable", read);
      const [name, rest] = [early.toString("utf8", 0, end), early.subarray(end + 1)];
      if (rest.length > 0) socket.unshift(rest);
      if (name === "control") this.#takeControl(socket);
      else (this.#channels.get(name) ?? refuse)(socket);
    };
    socket.on("readable", read);
  }

  #takeControl(socket: Socket): void {
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        const reply = JSON.parse(line) as RelayReply;
        this.#replies.get(reply.id)?.resolve(reply);
      }
    });
    this.#control.resolve(socket);
  }
}

/** Of a channel that nobody waits for any more. */
function refuse(socket: Socket): void {
  socket.destroy();
}

/** @throws when it takes longer */
async function inTime<T>(promise: Promise<T>, limitMs: number, what: string): Promise<T> {
  let late: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    late = setTimeout(
      () => reject(new Error(`cannot wait for ${what}: not there after ${limitMs} ms`)),
      limitMs,
    );
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(late));
}
