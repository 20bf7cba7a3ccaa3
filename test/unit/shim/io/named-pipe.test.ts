import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { connectPath } from "../../../../shim/io/named-pipe.ts";
import { openStdio } from "../../../../shim/io/stdio.ts";
import type { StdioRequest, UpstreamStdio } from "../../../../shim/io/upstream.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { until } from "../../../support/until.ts";
import { openOptions, requestOf, Workbench } from "./client.ts";

/** Pipes are unix sockets here: the connector is handed in. */
describe("openNamedPipes", () => {
  let bench: Workbench;
  let clock: ManualClock;
  let upstream: UpstreamStdio | undefined;
  const servers: PipeServer[] = [];

  beforeEach(async () => {
    bench = await Workbench.make();
    clock = new ManualClock();
  });
  afterEach(async () => {
    await upstream?.close();
    upstream = undefined;
    for (const server of servers.splice(0)) server.stop();
    await bench.remove();
  });

  const serve = async (name: string): Promise<PipeServer> => {
    const server = await PipeServer.listen(join(bench.path, name));
    servers.push(server);
    return server;
  };
  const pathOf = (path: string): string => `\\\\.\\pipe\\${path}`;
  const open = async (init: Partial<StdioRequest>): Promise<UpstreamStdio> => {
    upstream = await openStdio(
      requestOf(init),
      openOptions({
        clock,
        transport: "named-pipe",
        namedPipes: {
          stdinLingerMs: 500,
          random: () => 0.5,
          connect: (path, signal) =>
            connectPath(join(bench.path, path.slice("\\\\.\\pipe\\".length)), signal),
        },
      }),
    );
    return upstream;
  };

  it("dials each pipe that is named, at once", async () => {
    const [stdin, stdout, stderr] = [await serve("in"), await serve("out"), await serve("err")];
    const { paths } = await open({
      stdin: pathOf("in"),
      stdout: pathOf("out"),
      stderr: "npipe:////./pipe/err",
    });
    await Promise.all([stdin.connection(), stdout.connection(), stderr.connection()]);
    assert.equal(paths.stderr, "npipe:////./pipe/err");
  });

  it("delivers, and gives end of file by hanging up", async () => {
    const server = await serve("out");
    const { stdout } = await open({ stdout: pathOf("out") });
    const client = await server.connection();
    const big = Buffer.alloc(1 << 20, "0123456789abcdef");
    stdout!.end(big);
    await until("end of file", () => client.ended);
    assert.ok(client.bytes().equals(big));
  });

  it("fails, and hangs up on the others, when one cannot be dialled", async () => {
    const server = await serve("out");
    await assert.rejects(open({ stdout: pathOf("out"), stderr: pathOf("err") }), {
      name: "StdioError",
      fault: "unavailable",
      message: /^cannot open stderr "\\\\.\\pipe\\err": connect ENOENT/,
    });
    const client = await server.connection();
    await until("the other to be hung up", () => client.ended);
  });

  it("does not dial a terminal's stderr", async () => {
    await serve("out");
    const { stderr } = await open({ stdout: pathOf("out"), stderr: pathOf("err"), terminal: true });
    assert.equal(stderr, undefined);
  });

  describe("stdin", () => {
    it("ends when the client hangs up", async () => {
      const server = await serve("in");
      const { stdin } = await open({ stdin: pathOf("in") });
      const seen = collect(stdin!);
      (await server.connection()).socket.end("typed");
      await until("end of input", () => seen.over);
      assert.equal(seen.text, "typed");
    });

    it("ends after closeStdin once nothing more comes, although the client holds on", async () => {
      const server = await serve("in");
      const { stdin, closeStdin } = await open({ stdin: pathOf("in") });
      const seen = collect(stdin!);
      const client = await server.connection();
      client.socket.write("one,");
      await until("the first input", () => seen.text === "one,");
      closeStdin();
      closeStdin();
      assert.deepEqual(clock.pending, [500]);
      client.socket.write("two");
      await until("the second input", () => seen.text === "one,two");
      await clock.advance(500);
      assert.equal(seen.over, false, "there was input meanwhile");
      await clock.advance(500);
      await until("end of input", () => seen.over);
      assert.deepEqual(clock.pending, []);
    });

    it("is not cut off by closeStdin while the process is slow to take it", async () => {
      const server = await serve("in");
      const { stdin, closeStdin } = await open({ stdin: pathOf("in") });
      stdin!.pause();
      (await server.connection()).socket.write("patience");
      closeStdin();
      await clock.advance(5_000);
      const seen = collect(stdin!);
      await until("input", () => seen.text === "patience");
      await clock.advance(1_000);
      await until("end of input", () => seen.over);
    });

    it("stops lingering on close", async () => {
      await serve("in");
      const { closeStdin, close } = await open({ stdin: pathOf("in") });
      closeStdin();
      await close();
      assert.deepEqual(clock.pending, []);
    });
  });

  it("finds a client that comes back", async () => {
    const before = await serve("out");
    const { stdout } = await open({ stdout: pathOf("out") });
    const first = await before.connection();
    stdout!.write("one,");
    await until("the first write", () => first.bytes().toString() === "one,");
    before.stop();
    await once(first.socket, "close");
    stdout!.end("two");
    await clock.nextTimer();
    const after = await serve("out");
    await clock.advance(200);
    const second = await after.connection();
    await until("end of file", () => second.ended);
    assert.equal(second.bytes().toString(), "two");
  });
});

function collect(stream: NonNullable<UpstreamStdio["stdin"]>): { text: string; over: boolean } {
  const seen = { text: "", over: false };
  stream.on("data", (chunk: Buffer) => (seen.text += chunk.toString()));
  stream.on("close", () => (seen.over = true));
  stream.resume();
  return seen;
}

/** A connection as the client's server sees it. */
class PipeConnection {
  readonly socket: Socket;
  ended = false;
  readonly #chunks: Buffer[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => this.#chunks.push(chunk));
    socket.on("end", () => (this.ended = true));
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

class PipeServer {
  readonly #server: Server;
  readonly #connections: PipeConnection[] = [];

  static async listen(path: string): Promise<PipeServer> {
    const server = createServer();
    server.listen(path);
    await once(server, "listening");
    return new PipeServer(server);
  }

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => this.#connections.push(new PipeConnection(socket)));
  }

  connection(): Promise<PipeConnection> {
    return until("a connection", () => this.#connections[0]);
  }

  stop(): void {
    for (const { socket } of this.#connections) socket.destroy();
    this.#server.close();
  }
}
