import assert from "node:assert/strict";
import { createServer, connect, type Socket } from "node:net";
import { join } from "node:path";
import { PipeConnection } from "../../../../../../../hcs/emulator/guest/windows/pipes/connection.ts";
import { FRAME, WINDOW } from "../../../../../../../hcs/emulator/guest/windows/pipes/frames.ts";
import { makeShortDirectory } from "../../../../../../support/temp-directory.ts";
import { until } from "../../../../../../support/until.ts";
import { rmSync } from "node:fs";

describe("PipeConnection", () => {
  let directory: string;
  let ours: Socket;
  let server: Socket;
  /** What the relay was told. */
  let sent: { kind: number; number: number }[];
  let connection: PipeConnection;

  beforeEach(async () => {
    directory = await makeShortDirectory("pc");
    const path = join(directory, "s");
    const listener = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => listener.listen(path, resolve));
    const accepted = new Promise<Socket>((resolve) => listener.once("connection", resolve));
    ours = connect({ path, allowHalfOpen: true });
    server = await accepted;
    listener.close();
    sent = [];
    connection = new PipeConnection(1, (kind, _id, number = 0) => sent.push({ kind, number }));
  });

  afterEach(() => {
    ours.destroy();
    server.destroy();
    rmSync(directory, { recursive: true });
  });

  const bytesSent = (): number =>
    sent.filter(({ kind }) => kind === FRAME.data).reduce((sum, { number }) => sum + number, 0);

  function heard(): () => string {
    let text = "";
    server.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    return () => text;
  }

  it("gives the server what the client wrote before there was one, and tells that it was taken", async () => {
    const text = heard();
    connection.clientWrote(Buffer.from("early "));
    connection.connected(ours);
    connection.clientWrote(Buffer.from("late"));
    await until("the server to have both", () => text() === "early late");
    await until("both to be taken", () => sent.length === 2);
    assert.deepEqual(sent, [
      { kind: FRAME.taken, number: 6 },
      { kind: FRAME.taken, number: 4 },
    ]);
  });

  it("ends for the server when the client goes, after all it wrote", async () => {
    const text = heard();
    const ended = new Promise((resolve) => server.once("end", resolve));
    connection.clientWrote(Buffer.from("bye"));
    connection.clientGone();
    connection.connected(ours);
    await ended;
    assert.equal(text(), "bye");
    await connection.ended;
    assert.deepEqual(sent, []);
  });

  it("ends for the client when the server does, and when there is none", async () => {
    connection.connected(ours);
    server.end("last");
    await connection.ended;
    assert.deepEqual(sent, [
      { kind: FRAME.data, number: 4 },
      { kind: FRAME.closed, number: 0 },
    ]);
    const other: number[] = [];
    new PipeConnection(2, (kind) => other.push(kind)).connected(undefined);
    assert.deepEqual(other, [FRAME.closed]);
  });

  it("takes no more from a server than its client has room for, until that reads", async () => {
    connection.connected(ours);
    const total = 8 * WINDOW;
    server.write(Buffer.alloc(total));
    await until("a window to be sent", () => bytesSent() >= WINDOW);
    assert.ok(ours.isPaused());
    const before = bytesSent();
    assert.ok(before < 2 * WINDOW, String(before));
    let taken = 0;
    await until("all of it to be sent", () => {
      connection.clientTook(bytesSent() - taken);
      taken = bytesSent();
      return taken === total;
    });
  });

  it("closes a server's end that comes too late", async () => {
    connection.destroy();
    connection.connected(ours);
    await connection.ended;
    assert.ok(ours.destroyed);
  });
});
