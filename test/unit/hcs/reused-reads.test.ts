import assert from "node:assert/strict";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { recycle, reuseReads } from "../../../hcs/reused-reads.ts";
import { makeScratchDirectory } from "../../support/temp-directory.ts";

const MIB = 1 << 20;

/** Bytes that differ between any two reads. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}

describe("reuseReads", () => {
  let directory: string;
  let server: Server;
  let client: Socket;
  let socket: Socket;

  beforeEach(async () => {
    directory = await makeScratchDirectory("reads");
    server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    const path = join(directory, "s");
    server.listen(path);
    await once(server, "listening");
    const accepted = once(server, "connection");
    client = connect({ path, allowHalfOpen: true });
    const [first] = (await accepted) as [Socket];
    socket = reuseReads(first);
    assert.notEqual(socket, first);
  });

  afterEach(async () => {
    client.destroy();
    socket.destroy();
    server.close();
    await rm(directory, { recursive: true });
  });

  it("gives what was sent, whether chunks are recycled or kept", async () => {
    const sent = pattern(8 * MIB);
    const copies: Buffer[] = [];
    const kept: Buffer[] = [];
    let count = 0;
    socket.on("data", (chunk: Buffer) => {
      copies.push(Buffer.from(chunk));
      count += 1;
      // Some are given back, some stay in use: those must not be written to.
      if (count % 3 === 0) kept.push(chunk);
      else {
        kept.push(Buffer.from(chunk));
        recycle(chunk);
      }
    });
    client.end(sent);
    await once(socket, "end");
    assert.ok(Buffer.concat(copies).equals(sent));
    assert.ok(Buffer.concat(kept).equals(sent));
  });

  it("reads again into what was recycled", async () => {
    const memories = new Set<ArrayBufferLike>();
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      // Short reads are copied into memory of their own.
      if (chunk.length >= 32 * 1024) memories.add(chunk.buffer);
      recycle(chunk);
      // Given back twice, it must not be lent to two.
      recycle(chunk);
    });
    client.end(Buffer.alloc(16 * MIB));
    await once(socket, "end");
    assert.equal(bytes, 16 * MIB);
    assert.ok(memories.size <= 32, `${memories.size} buffers for 16 MiB`);
  });

  it("keeps no buffer for a short chunk", async () => {
    client.write("short");
    const [chunk] = (await once(socket, "data")) as [Buffer];
    assert.equal(chunk.toString(), "short");
    client.write("other");
    assert.equal(String((await once(socket, "data"))[0]), "other");
    assert.equal(chunk.toString(), "short");
  });

  it("stops reading while paused, and goes on", async () => {
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      socket.pause();
      setImmediate(() => socket.resume());
    });
    client.end(Buffer.alloc(2 * MIB));
    await once(socket, "end");
    assert.equal(bytes, 2 * MIB);
  });

  it("writes, and leaves the server when it is closed", async () => {
    client.resume();
    socket.resume();
    socket.end("answer");
    client.end();
    await once(socket, "close");
    const closed = once(server, "close");
    server.close();
    await closed;
  });
});
