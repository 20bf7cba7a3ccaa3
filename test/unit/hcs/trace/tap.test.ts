import assert from "node:assert/strict";
import { once } from "node:events";
import { duplexPair, PassThrough } from "node:stream";
import { tapStream } from "../../../../hcs/trace/tap.ts";

function witness() {
  const seen: string[] = [];
  return {
    seen,
    data: (from: string, bytes: Uint8Array) => void seen.push(`${from}: ${Buffer.from(bytes).toString()}`),
    end: (from: string) => void seen.push(`${from} ends`),
    destroy: (from: string, error?: object) =>
      void seen.push(`${from} destroys${error === undefined ? "" : ` ${JSON.stringify(error)}`}`),
  };
}

describe("tapStream", () => {
  it("tells what goes both ways, and half-closes, in order", async () => {
    const [host, platform] = duplexPair();
    const told = witness();
    tapStream(host, told);
    host.write("ab", "latin1");
    platform.end("cd");
    host.resume();
    await once(host, "end");
    host.end("ef");
    platform.resume();
    await once(platform, "end");
    assert.deepEqual(told.seen, ["host: ab", "platform: cd", "platform ends", "host: ef", "host ends"]);
  });

  it("tells what had come before, and leaves it to be read", async () => {
    const stream = new PassThrough();
    stream.write("early");
    const told = witness();
    tapStream(stream, told);
    const [chunk] = (await once(stream, "data")) as [Buffer];
    assert.equal(chunk.toString(), "early");
    assert.deepEqual(told.seen, ["platform: early"]);
  });

  it("tells once who destroyed it", async () => {
    const [host] = duplexPair();
    const told = witness();
    tapStream(host, told);
    host.destroy();
    host.destroy();
    assert.deepEqual(told.seen, ["host destroys"]);

    const [other] = duplexPair();
    const broken = witness();
    tapStream(other, broken);
    const failed = once(other, "error");
    other.destroy(Object.assign(new Error("reset"), { code: "ECONNRESET" }));
    await failed;
    assert.deepEqual(broken.seen, [
      'platform destroys {"name":"Error","message":"reset","code":"ECONNRESET"}',
    ]);
  });

  it("says nothing of a stream that ends by itself", async () => {
    const [host, platform] = duplexPair();
    const told = witness();
    tapStream(host, told);
    const closed = once(host, "close");
    platform.end();
    host.end();
    host.resume();
    platform.resume();
    await closed;
    assert.deepEqual(told.seen.toSorted(), ["host ends", "platform ends"]);
  });
});
