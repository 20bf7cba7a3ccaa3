import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogDestination } from "../../../../shim/log/destination.ts";
import { pipeDestination } from "../../../../shim/log/pipe-destination.ts";
import { until } from "../../../support/until.ts";

/** What a reader has been sent. */
class Reader {
  readonly closed: Promise<unknown>;
  readonly socket: Socket;
  #text = "";

  constructor(socket: Socket) {
    this.socket = socket;
    this.closed = once(socket, "close");
    socket.setEncoding("utf8").on("data", (chunk: string) => (this.#text += chunk));
  }

  get text(): string {
    return this.#text;
  }

  /** Everything so far, as soon as it ends with `end`. */
  async until(end: string): Promise<string> {
    while (!this.#text.endsWith(end)) await once(this.socket, "data");
    return this.#text;
  }
}

describe("pipeDestination", () => {
  let folder: string;
  let destination: LogDestination;
  let served: (() => void)[];
  let accepted: Socket[];
  let isClosed: boolean;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "log-"));
    isClosed = false;
    served = [];
    accepted = [];
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, "pipe"), resolve));
    destination = pipeDestination(({ onConnection }) => {
      server.on("connection", (socket) => {
        accepted.push(socket);
        onConnection(socket);
        served.shift()?.();
      });
      return {
        close: () => {
          isClosed = true;
          server.close();
        },
      };
    });
  });
  afterEach(() => {
    destination.close();
    rmSync(folder, { recursive: true });
  });

  /** Resolves when the destination knows of the reader. */
  async function dial(): Promise<Socket> {
    const known = new Promise<void>((resolve) => served.push(resolve));
    const socket = connect(join(folder, "pipe"));
    await known;
    return socket;
  }

  it("writes to who has dialled", async () => {
    const reader = new Reader(await dial());
    destination.write("a\n");
    assert.equal(await reader.until("a\n"), "a\n");
  });

  it("counts the lines that nobody read, and says so to the next reader", async () => {
    destination.write("lost\n");
    destination.write("lost\n");
    const reader = new Reader(await dial());
    destination.write("a\n");
    assert.equal(await reader.until("a\n"), 'level=warning msg="log lines were dropped" count=2\na\n');
  });

  it("hangs up on the reader before when another dials", async () => {
    const first = new Reader(await dial());
    const second = new Reader(await dial());
    await first.closed;
    destination.write("a\n");
    assert.equal(await second.until("a\n"), "a\n");
  });

  it("does not wait for a reader that is slow, and goes on when it reads", async () => {
    const socket = await dial();
    const line = `${"x".repeat(1023)}\n`;
    for (let n = 0; n < 4096; n++) destination.write(line);
    const reader = new Reader(socket);
    await until("the reader to have caught up", () => {
      destination.write("after\n");
      return /msg="log lines were dropped" count=\d{4,}\n(?:after\n)+$/.test(reader.text);
    });
  });

  it("goes on without a reader that has left", async () => {
    const socket = await dial();
    const left = once(accepted.at(-1)!, "close");
    socket.destroy();
    await left;
    destination.write("lost\n");
    const next = new Reader(await dial());
    destination.write("a\n");
    assert.match(await next.until("a\n"), /count=1\na\n$/);
  });

  it("hangs up and serves nobody any more when it is closed", async () => {
    const reader = new Reader(await dial());
    destination.close();
    await reader.closed;
    assert.ok(isClosed);
  });
});
