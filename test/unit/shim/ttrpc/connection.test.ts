import assert from "node:assert/strict";
import { Duplex, duplexPair } from "node:stream";
import { Connection } from "../../../../shim/ttrpc/connection.ts";
import type { ConnectionHandler, ConnectionOptions } from "../../../../shim/ttrpc/connection.ts";
import { writeData } from "../../../../shim/ttrpc/envelope.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { RawPeer, frameBytes, settle } from "./raw-peer.ts";

class Recorder implements ConnectionHandler {
  readonly frames: string[] = [];
  drains = 0;
  readonly closes: (Error | undefined)[] = [];
  onEachFrame: () => void = () => {};

  onFrame(streamId: number, type: number, flags: number, body: Uint8Array): void {
    this.frames.push(`${streamId}/${type}/${flags}:${Buffer.from(body).toString()}`);
    this.onEachFrame();
  }
  onOversize(): void {}
  onDrain(): void {
    this.drains++;
  }
  onClose(cause: Error | undefined): void {
    this.closes.push(cause);
  }
}

/** A stream whose writes are done when the test says so. */
class SlowStream extends Duplex {
  readonly writes: number[] = [];
  #finishWrite: (() => void) | undefined;

  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.writes.push(chunk.length);
    this.#finishWrite = done;
  }
  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.writes.push(chunks.reduce((sum, { chunk }) => sum + chunk.length, 0));
    this.#finishWrite = done;
  }

  /** The peer has read what was written last. */
  finishWrite(): void {
    const done = this.#finishWrite;
    this.#finishWrite = undefined;
    done?.();
  }
}

function open(options: ConnectionOptions = {}): { handler: Recorder; connection: Connection; peer: RawPeer } {
  const [near, far] = duplexPair();
  const handler = new Recorder();
  return { handler, connection: new Connection(near, handler, options), peer: new RawPeer(far) };
}

function openSlow(options: ConnectionOptions = {}): {
  handler: Recorder;
  connection: Connection;
  stream: SlowStream;
} {
  const stream = new SlowStream();
  const handler = new Recorder();
  return { handler, connection: new Connection(stream, handler, options), stream };
}

function write(connection: Connection, streamId: number, size: number): void {
  writeData(connection.output, streamId, 0, Buffer.alloc(size));
  connection.schedule();
}

describe("Connection", () => {
  it("sends all frames of one turn in one write", async () => {
    const { connection, peer } = open();
    for (let streamId = 1; streamId <= 50; streamId++) write(connection, streamId, 3);
    await Promise.resolve().then(() => write(connection, 51, 3));
    for (let streamId = 1; streamId <= 51; streamId++)
      assert.equal((await peer.nextFrame()).streamId, streamId);
    assert.deepEqual(peer.chunks, [51 * 13]);
  });

  it("sends large and small frames in order, without waiting for a turn each", async () => {
    const { connection, stream } = openSlow();
    write(connection, 1, 3);
    write(connection, 2, 1_000_000);
    write(connection, 3, 3);
    await settle();
    assert.deepEqual(stream.writes, [13 + 1_000_010 + 13]);
  });

  it("counts what has not been taken and tells when it is down to half the mark", async () => {
    const { connection, stream, handler } = openSlow({ highWaterBytes: 100 });
    write(connection, 1, 60);
    assert.equal(connection.congested, false);
    await settle();
    write(connection, 1, 30);
    assert.equal(connection.queuedBytes, 110);
    assert.equal(connection.congested, true);
    await settle();
    const drained = connection.drained().then(() => handler.drains);
    stream.finishWrite();
    await settle();
    assert.equal(connection.congested, false);
    assert.equal(connection.queuedBytes, 40);
    assert.equal(handler.drains, 1);
    assert.equal(await drained, 1);
  });

  it("stays congested between half the mark and the mark", async () => {
    const { connection, stream, handler } = openSlow({ highWaterBytes: 100 });
    write(connection, 1, 30);
    await settle();
    write(connection, 1, 70);
    assert.equal(connection.congested, true);
    await settle();
    stream.finishWrite();
    await settle();
    assert.equal(connection.queuedBytes, 80);
    assert.equal(connection.congested, true);
    assert.equal(handler.drains, 0);
  });

  it("does not make anybody wait who need not", async () => {
    const { connection } = open();
    await connection.drained();
  });

  it("hands out no frame after it was paused, not even one that has arrived", async () => {
    const { connection, peer, handler } = open();
    handler.onEachFrame = () => connection.pause();
    peer.bytes(Buffer.concat([frameBytes(1, 1, 0), frameBytes(3, 1, 0)]));
    await settle();
    assert.deepEqual(handler.frames, ["1/1/0:"]);
    peer.bytes(frameBytes(5, 1, 0));
    await settle();
    assert.deepEqual(handler.frames, ["1/1/0:"]);
    handler.onEachFrame = () => {};
    connection.resume();
    await settle();
    assert.deepEqual(handler.frames, ["1/1/0:", "3/1/0:", "5/1/0:"]);
  });

  it("ends when its peer closes, without a cause", async () => {
    const { connection, peer, handler } = open();
    peer.stream.end();
    await settle();
    assert.deepEqual(handler.closes, [undefined]);
    assert.equal(connection.closed, true);
    assert.equal(connection.writable, false);
  });

  it("ends with a cause when its peer closes within a frame", async () => {
    const { peer, handler } = open();
    peer.bytes(frameBytes(1, 1, 0, Buffer.from("body")).subarray(0, 12));
    peer.stream.end();
    await settle();
    assert.deepEqual(handler.closes.map(String), ["Error: connection ended within a frame"]);
  });

  it("ends once with the first cause", async () => {
    const { connection, stream, handler } = openSlow();
    const cause = new Error("ECONNRESET");
    stream.destroy(cause);
    await settle();
    connection.destroy(new Error("later"));
    stream.emit("error", new Error("later still"));
    await settle();
    assert.deepEqual(handler.closes, [cause]);
  });

  it("ends when the stream it is given has ended", async () => {
    const stream = new SlowStream();
    stream.destroy();
    const handler = new Recorder();
    new Connection(stream, handler);
    assert.deepEqual(handler.closes, []);
    await settle();
    assert.deepEqual(handler.closes, [undefined]);
  });

  it("releases those who wait when it ends", async () => {
    const { connection, stream } = openSlow({ highWaterBytes: 10 });
    write(connection, 1, 100);
    const drained = connection.drained();
    stream.destroy();
    await drained;
    await connection.drained();
  });

  it("drops what is written after the end", async () => {
    const { connection, stream } = openSlow();
    connection.destroy();
    write(connection, 1, 100);
    await settle();
    assert.deepEqual(stream.writes, []);
    assert.equal(connection.queuedBytes, 0);
  });
});

describe("Connection.end", () => {
  it("sends what is queued before it closes", async () => {
    const { connection, peer, handler } = open();
    write(connection, 7, 3);
    connection.end(1000);
    assert.equal((await peer.nextFrame()).streamId, 7);
    await peer.ended;
    peer.stream.end();
    await settle();
    assert.deepEqual(handler.closes, [undefined]);
  });

  it("takes no frames any more, and sends none", async () => {
    const { connection, peer, handler } = open();
    connection.end(1000);
    peer.bytes(frameBytes(1, 1, 0));
    write(connection, 7, 3);
    await peer.ended;
    assert.deepEqual(handler.frames, []);
    assert.deepEqual(peer.pending, []);
  });

  it("sees its peer close though reading was paused", async () => {
    const { connection, peer, handler } = open();
    connection.pause();
    peer.bytes(frameBytes(1, 1, 0));
    connection.end(1000);
    peer.stream.end();
    await settle();
    assert.deepEqual(handler.closes, [undefined]);
  });

  it("cuts a peer that does not read", async () => {
    const clock = new ManualClock();
    const { connection, handler } = openSlow({ clock });
    write(connection, 7, 90);
    connection.end(1000);
    await clock.advance(999);
    assert.deepEqual(handler.closes, []);
    await clock.advance(1);
    assert.deepEqual(handler.closes.map(String), [
      "Error: cannot send 100 bytes within 1000 ms: peer does not read",
    ]);
    assert.deepEqual(clock.pending, []);
  });

  it("cuts a peer that has read everything and does not close, without a cause", async () => {
    const clock = new ManualClock();
    const { connection, stream, handler } = openSlow({ clock });
    write(connection, 7, 90);
    connection.end(1000);
    stream.finishWrite();
    await clock.advance(1000);
    assert.deepEqual(handler.closes, [undefined]);
  });
});

describe("Connection with a limit on stalled writes", () => {
  it("is cut when nothing leaves for that long", async () => {
    const clock = new ManualClock();
    const { connection, handler } = openSlow({ clock, writeStallMs: 1000 });
    write(connection, 1, 90);
    await settle();
    await clock.advance(999);
    assert.deepEqual(handler.closes, []);
    await clock.advance(1);
    assert.deepEqual(handler.closes.map(String), [
      "Error: cannot send 100 bytes: peer has not read for 1000 ms",
    ]);
  });

  it("starts anew with every write that is done", async () => {
    const clock = new ManualClock();
    const { connection, stream, handler } = openSlow({ clock, writeStallMs: 1000 });
    for (let round = 0; round < 5; round++) {
      write(connection, 1, 90);
      await clock.advance(900);
      stream.finishWrite();
      await settle();
    }
    assert.deepEqual(handler.closes, []);
    write(connection, 1, 90);
    await clock.advance(1000);
    assert.equal(handler.closes.length, 1);
  });

  it("has no timer while nothing is queued", async () => {
    const clock = new ManualClock();
    const { connection, stream } = openSlow({ clock, writeStallMs: 1000 });
    write(connection, 1, 90);
    await settle();
    assert.deepEqual(clock.pending, [1000]);
    stream.finishWrite();
    await settle();
    assert.deepEqual(clock.pending, []);
  });
});

describe("Connection without a limit on stalled writes", () => {
  it("waits for a peer that has stopped for as long as it takes", async () => {
    const clock = new ManualClock();
    const { connection, stream, handler } = openSlow({ clock });
    write(connection, 1, 90);
    await clock.advance(3600 * 1000);
    assert.deepEqual(handler.closes, []);
    stream.finishWrite();
    write(connection, 3, 90);
    await settle();
    assert.deepEqual(stream.writes, [100, 100]);
  });
});
