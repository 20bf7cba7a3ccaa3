import assert from "node:assert/strict";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { OutputRelay, REPLAY_BYTES } from "../../../../../hcs/emulator/guest/output-relay.ts";
import { makeShortDirectory } from "../../../../support/temp-directory.ts";
import { until } from "../../../../support/until.ts";

describe("OutputRelay", () => {
  let directory: string;
  let server: Server;
  /** The host's ends, in the order of their making. */
  let accepted: Socket[];

  beforeEach(async () => {
    directory = await makeShortDirectory("relay-");
    accepted = [];
    await listen();
  });

  afterEach(() => {
    server.close();
    for (const socket of accepted) socket.destroy();
    rmSync(directory, { recursive: true, force: true });
  });

  async function listen(): Promise<void> {
    server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => undefined);
      accepted.push(socket);
    });
    server.listen(join(directory, "s"));
    await once(server, "listening");
  }

  async function dial(): Promise<Socket> {
    const socket = connect({ path: join(directory, "s"), allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
  }

  async function acceptedSocket(index: number): Promise<Socket> {
    return until(`connection ${index}`, () => accepted[index]);
  }

  function textOf(socket: Socket): () => string {
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    return () => text;
  }

  async function isDone(relay: OutputRelay): Promise<boolean> {
    return Promise.race([
      relay.done.then(() => true),
      new Promise<false>((resolve) => setImmediate(() => resolve(false))),
    ]);
  }

  it("ends the connection with the output, and waits for the host to close", async () => {
    const source = new PassThrough();
    const relay = new OutputRelay(source, await dial(), { handshake: true });
    const host = await acceptedSocket(0);
    const text = textOf(host);
    source.end("all of it");
    await once(host, "end");
    assert.equal(text(), "all of it");
    assert.equal(await isDone(relay), false);
    host.end();
    await relay.done;
  });

  it("is done at once when the host has shut down its side before", async () => {
    const source = new PassThrough();
    const relay = new OutputRelay(source, await dial(), { handshake: true });
    const host = await acceptedSocket(0);
    const text = textOf(host);
    host.end();
    source.end("late");
    await relay.done;
    await until("the output", () => text() === "late");
  });

  it("needs no closing without a handshake", async () => {
    const source = new PassThrough();
    const relay = new OutputRelay(source, await dial(), { handshake: false });
    const host = await acceptedSocket(0);
    const text = textOf(host);
    source.end("x");
    await relay.done;
    await until("the output", () => text() === "x");
  });

  it("takes an error of the source for its end", async () => {
    const source = new PassThrough();
    const relay = new OutputRelay(source, await dial(), { handshake: false });
    const host = await acceptedSocket(0);
    host.resume();
    source.destroy(new Error("EIO"));
    await once(host, "end");
    await relay.done;
  });

  it("stops the source for a host that does not read, and loses nothing", async () => {
    const source = new PassThrough();
    const relay = new OutputRelay(source, await dial(), { handshake: true });
    const host = await acceptedSocket(0);
    const chunk = Buffer.alloc(64 * 1024, "x");
    let written = 0;
    while (source.write(chunk)) {
      written += 1;
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(written < 10_000, "the source never stopped");
    }
    source.end();
    const text = textOf(host);
    await once(host, "end");
    assert.equal(text().length, (written + 1) * chunk.length);
    host.end();
    await relay.done;
  });

  it("discards the rest when the host has gone and is not to be dialled again", async () => {
    const source = new PassThrough();
    const relay = new OutputRelay(source, await dial(), { handshake: true });
    (await acceptedSocket(0)).destroy();
    for (let index = 0; index < 1000 && !(await isDone(relay)); index += 1)
      source.write(Buffer.alloc(64 * 1024));
    await relay.done;
    source.end(Buffer.alloc(1024 * 1024));
    await once(source, "end");
  });

  describe("with redial", () => {
    it("replays what was written last, and goes on", async () => {
      const source = new PassThrough();
      const relay = new OutputRelay(source, await dial(), {
        handshake: true,
        redial: dial,
        redialPauseMs: 1,
      });
      const first = await acceptedSocket(0);
      const before = textOf(first);
      const old = "o".repeat(REPLAY_BYTES);
      source.write(old);
      source.write("recent ");
      await until("the output", () => before().endsWith("recent "));
      first.destroy();
      source.write("next ");
      const second = await acceptedSocket(1);
      const text = textOf(second);
      await until("the replay", () => text().endsWith("next "));
      // At least so much of what came before, and nothing twice.
      assert.ok(text().length >= REPLAY_BYTES && (old + "recent next ").endsWith(text()));
      source.end("last");
      await once(second, "end");
      assert.ok(text().endsWith("recent next last"));
      second.end();
      await relay.done;
    });

    it("keeps trying while nobody listens, also after the output has ended", async () => {
      const source = new PassThrough();
      const relay = new OutputRelay(source, await dial(), {
        handshake: true,
        redial: dial,
        redialPauseMs: 1,
      });
      server.close();
      rmSync(join(directory, "s"), { force: true });
      (await acceptedSocket(0)).destroy();
      while (!source.isPaused()) {
        source.write("x");
        await new Promise((resolve) => setImmediate(resolve));
      }
      source.end("last");
      assert.equal(await isDone(relay), false);
      await listen();
      const second = await acceptedSocket(1);
      const text = textOf(second);
      await once(second, "end");
      assert.match(text(), /^x+last$/);
      second.end();
      await relay.done;
    });

    it("gives up when told to, with or without a connection", async () => {
      const source = new PassThrough();
      const redial = (): Promise<Socket> => Promise.reject(new Error("nobody"));
      const relay = new OutputRelay(source, await dial(), { handshake: true, redial, redialPauseMs: 1 });
      (await acceptedSocket(0)).destroy();
      while (!source.isPaused()) {
        source.write("x");
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(await isDone(relay), false);
      relay.giveUpRedialling();
      await relay.done;
      source.end();
      await once(source, "end");
    });
  });

  it("can be released at any time", async () => {
    const source = new PassThrough();
    const relay = new OutputRelay(source, await dial(), { handshake: true });
    const host = await acceptedSocket(0);
    relay.release();
    relay.release();
    await relay.done;
    assert.ok(source.destroyed);
    host.resume();
    await once(host, "end");
  });
});
