import assert from "node:assert/strict";
import { Inbox } from "../../../../shim/ttrpc/inbox.ts";
import { RpcError } from "../../../../shim/ttrpc/status.ts";
import { Any } from "../../../../protos/gen/google.ts";
import { any } from "./services.ts";

function inbox(onTaken: () => void = () => {}): Inbox<Any> {
  return new Inbox(Any, onTaken);
}

async function names(from: AsyncIterable<Any>): Promise<string[]> {
  const found: string[] = [];
  for await (const { typeUrl } of from) found.push(typeUrl);
  return found;
}

describe("Inbox", () => {
  it("hands out what came before and after somebody asked, in order", async () => {
    const box = inbox();
    box.push(any("1"));
    const found = names(box);
    await new Promise(setImmediate);
    box.push(any("2"));
    box.push(any("3"));
    box.end();
    assert.deepEqual(await found, ["1", "2", "3"]);
  });

  it("serves those who wait in the order in which they asked", async () => {
    const box = inbox();
    const asked = [box.next(), box.next(), box.next()];
    for (const name of ["1", "2"]) box.push(any(name));
    box.end();
    const results = await Promise.all(asked);
    assert.deepEqual(
      results.map((result) => result.value?.typeUrl),
      ["1", "2", undefined],
    );
  });

  it("counts what is queued, empty messages too", async () => {
    let taken = 0;
    const box = inbox(() => taken++);
    box.push(Buffer.alloc(0));
    assert.equal(box.bytes, 64);
    box.push(any("1234567890"));
    assert.equal(box.bytes, 64 + 64 + 12);
    await box.next();
    await box.next();
    assert.equal(box.bytes, 0);
    assert.equal(taken, 2);
  });

  it("keeps its order over many messages", async () => {
    const box = inbox();
    const expected: string[] = [];
    for (let index = 0; index < 5000; index++) {
      expected.push(`${index}`);
      box.push(any(`${index}`));
      if (index % 3 === 0) assert.equal((await box.next()).value?.typeUrl, expected.shift());
    }
    box.end();
    assert.deepEqual(await names(box), expected);
  });

  it("hands out what came before an error, then the error, then nothing", async () => {
    const box = inbox();
    box.push(any("1"));
    box.fail(new RpcError(14, "gone"));
    box.push(any("2"));
    assert.equal((await box.next()).value?.typeUrl, "1");
    await assert.rejects(box.next(), { code: 14 });
    assert.deepEqual(await box.next(), { done: true, value: undefined });
  });

  it("drops what came before an error when it is told to", async () => {
    const box = inbox();
    box.push(any("1"));
    box.fail(new RpcError(8, "full"), true);
    assert.equal(box.bytes, 0);
    await assert.rejects(box.next(), { code: 8 });
  });

  it("tells one of those who wait of an error, the others of the end", async () => {
    const box = inbox();
    const asked = [box.next(), box.next()] as const;
    box.fail(new RpcError(14, "gone"));
    await assert.rejects(asked[0], { code: 14 });
    assert.equal((await asked[1]).done, true);
  });

  it("keeps the first end", async () => {
    const box = inbox();
    box.end();
    box.fail(new RpcError(14, "gone"));
    assert.equal((await box.next()).done, true);
  });

  it("fails at a message that does not decode and drops those behind it", async () => {
    const box = inbox();
    box.push(Buffer.from("0a", "hex"));
    box.push(any("2"));
    await assert.rejects(box.next(), { code: 13, message: /^ttrpc: error unmarshalling payload: / });
    assert.equal((await box.next()).done, true);
    assert.equal(box.bytes, 0);
  });

  it("fails at a bad message that somebody waits for", async () => {
    const box = inbox();
    const asked = [box.next(), box.next()] as const;
    box.push(Buffer.from("0a", "hex"));
    await assert.rejects(asked[0], { code: 13 });
    assert.equal((await asked[1]).done, true);
  });

  it("drops everything when the reader leaves", async () => {
    const box = inbox();
    const asked = box.next();
    for (const name of ["1", "2", "3"]) box.push(any(name));
    assert.equal((await asked).value?.typeUrl, "1");
    await box.return();
    assert.equal(box.bytes, 0);
    box.push(any("4"));
    assert.equal(box.bytes, 0);
    assert.equal((await box.next()).done, true);
  });
});
