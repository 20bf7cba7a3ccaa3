import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough, type Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { finished } from "node:stream/promises";
import { InputStream, OutputStream } from "../../../../hcs/guest/streams.ts";
import { hungUp, TestSockets } from "./sockets.ts";

describe("OutputStream", () => {
  let sockets: TestSockets;

  beforeEach(() => {
    sockets = new TestSockets();
  });

  afterEach(() => sockets.dispose());

  it("is readable only", () => {
    const stream = new OutputStream();
    assert.equal(stream.writable, false);
    assert.equal(stream.readable, true);
  });

  it("delivers what came before it was attached, and everything after", async () => {
    const { host, guest } = await sockets.pair();
    guest.write("early ");
    const stream = new OutputStream();
    const read = buffer(stream);
    stream.attach(host);
    guest.end("late");
    assert.equal((await read).toString(), "early late");
  });

  it("closes its socket on both sides once the end was read", async () => {
    const { host, guest } = await sockets.pair();
    const stream = new OutputStream();
    stream.attach(host);
    stream.resume();
    guest.end();
    guest.resume();
    await Promise.all([once(guest, "close"), once(host, "close"), once(stream, "close")]);
  });

  it("takes a connection that its own side aborted as the end", async () => {
    const { host } = await sockets.pair();
    const stream = new OutputStream();
    stream.attach(host);
    host.destroy(Object.assign(new Error("aborted"), { code: "ECONNABORTED" }));
    assert.equal((await buffer(stream)).length, 0);
  });

  it("fails when the connection fails before the end", async () => {
    const { host } = await sockets.pair();
    const stream = new OutputStream();
    stream.attach(host);
    host.destroy(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
    await assert.rejects(buffer(stream), { code: "ECONNRESET" });
  });

  it("fails when the connection goes away without an end", async () => {
    const source = new PassThrough();
    const stream = new OutputStream();
    stream.attach(source);
    source.destroy();
    await assert.rejects(buffer(stream), /output connection closed before its end/);
  });

  it("fails when the connection had broken before it was accepted", async () => {
    const { host } = await sockets.pair();
    host.destroy(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
    await new Promise((resolve) => host.once("close", resolve));
    const stream = new OutputStream();
    stream.attach(host);
    await assert.rejects(buffer(stream), { code: "ECONNRESET" });
  });

  it("release cuts off a guest that is still writing", async () => {
    const { host, guest } = await sockets.pair();
    const stream = new OutputStream();
    stream.attach(host);
    guest.write("unread");
    stream.release();
    stream.release();
    await hungUp(guest);
    assert.equal(host.destroyed, true);
  });

  it("release before the guest dials refuses it", async () => {
    const { host, guest } = await sockets.pair();
    const stream = new OutputStream();
    stream.release();
    stream.attach(host);
    await hungUp(guest);
  });
});

describe("InputStream", () => {
  let sockets: TestSockets;

  beforeEach(() => {
    sockets = new TestSockets();
  });

  afterEach(() => sockets.dispose());

  it("is writable only", () => {
    const stream = new InputStream();
    assert.equal(stream.readable, false);
    assert.equal(stream.writable, true);
  });

  it("keeps writes in order that were made before it was attached", async () => {
    const { host, guest } = await sockets.pair();
    const stream = new InputStream();
    for (const text of ["a", "b", "c"]) stream.write(text);
    stream.attach(host);
    stream.end("d");
    assert.equal((await buffer(guest)).toString(), "abcd");
  });

  it("half-closes: the guest reads the end and can still finish", async () => {
    const { host, guest } = await sockets.pair();
    const stream = new InputStream();
    stream.attach(host);
    stream.end("all");
    assert.equal((await buffer(guest)).toString(), "all");
    assert.equal(host.destroyed, false);
    guest.end();
    await once(host, "close");
  });

  it("passes back-pressure on", async () => {
    const { host } = await sockets.pair();
    const stream = new InputStream();
    stream.attach(host);
    const chunk = Buffer.alloc(64 * 1024);
    let accepted = 0;
    while (stream.write(chunk)) {
      await new Promise(setImmediate);
      assert.ok(++accepted < 1000, "no back-pressure after 64 MB");
    }
    assert.ok(stream.writableLength <= 2 * 64 * 1024);
  });

  it("reports that the guest no longer reads", async () => {
    const { host, guest } = await sockets.pair();
    const stream = new InputStream();
    stream.attach(host);
    guest.destroy();
    await once(guest, "close");
    stream.write("nobody");
    await assert.rejects(finished(stream), { code: "EPIPE" });
  });

  it("closes when the connection had broken before it was accepted", async () => {
    const { host } = await sockets.pair();
    host.destroy();
    await once(host, "close");
    const stream = new InputStream();
    stream.attach(host);
    await once(stream, "close");
  });

  it("destroy hangs up although nothing was ended", async () => {
    const { host, guest } = await sockets.pair();
    const stream = new InputStream();
    stream.attach(host);
    stream.destroy();
    await hungUp(guest);
  });

  it("destroy before the guest dials refuses it", async () => {
    const { host, guest } = await sockets.pair();
    const stream: InputStream & Duplex = new InputStream();
    stream.write("never sent");
    stream.destroy();
    stream.attach(host);
    assert.equal((await buffer(guest)).length, 0);
  });

  it("release hangs up also after the half-close", async () => {
    const { host, guest } = await sockets.pair();
    const stream = new InputStream();
    stream.attach(host);
    stream.end();
    await once(stream, "close");
    stream.release();
    await once(host, "close");
    await hungUp(guest);
  });
});
