import assert from "node:assert/strict";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { InputRelay } from "../../../../../hcs/emulator/guest/input-relay.ts";
import { makeShortDirectory } from "../../../../support/temp-directory.ts";
import { until } from "../../../../support/until.ts";

describe("InputRelay", () => {
  let directory: string;
  let server: Server;
  let host: Socket;
  let guest: Socket;

  beforeEach(async () => {
    directory = await makeShortDirectory("relay-");
    server = createServer({ allowHalfOpen: true });
    server.listen(join(directory, "s"));
    guest = connect({ path: join(directory, "s"), allowHalfOpen: true }).pause();
    [host] = (await once(server, "connection")) as [Socket];
    host.on("error", () => undefined);
  });

  afterEach(() => {
    for (const socket of [host, guest]) socket.destroy();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it("passes input and its end on", async () => {
    const target = new PassThrough();
    new InputRelay(guest, target, { forwardEnd: true });
    host.end("typed");
    const chunks = (await target.toArray()) as Buffer[];
    assert.equal(Buffer.concat(chunks).toString(), "typed");
  });

  it("keeps the end to itself where it means nothing", async () => {
    const target = new PassThrough();
    new InputRelay(guest, target, { forwardEnd: false });
    host.end("typed");
    await until("the input", () => target.readableLength === 5);
    await until("the end", () => guest.readableEnded);
    assert.equal(target.writableEnded, false);
  });

  it("stops a host whose input is not taken", async () => {
    const target = new PassThrough();
    new InputRelay(guest, target, { forwardEnd: true });
    const data = Buffer.alloc(4 * 1024 * 1024);
    host.end(data);
    await until("the target to be full", () => target.writableNeedDrain);
    assert.ok(guest.isPaused());
    let length = 0;
    for await (const chunk of target) length += (chunk as Buffer).length;
    assert.equal(length, data.length);
  });

  it("ends the input when the host vanishes", async () => {
    const target = new PassThrough();
    new InputRelay(guest, target, { forwardEnd: true });
    guest.destroy(new Error("ECONNRESET"));
    target.resume();
    await once(target, "end");
  });

  it("closes the connection when the process takes no input any more", async () => {
    const target = new PassThrough();
    new InputRelay(guest, target, { forwardEnd: true });
    target.destroy(new Error("EPIPE"));
    host.resume();
    await once(host, "end");
  });

  it("releases both ends", async () => {
    const target = new PassThrough();
    new InputRelay(guest, target, { forwardEnd: true }).release();
    assert.ok(target.destroyed && guest.destroyed);
    host.resume();
    await once(host, "end");
  });
});
