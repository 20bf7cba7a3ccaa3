import assert from "node:assert/strict";
import { AcceptQueue } from "../../../hcs/accept-queue.ts";

describe("AcceptQueue", () => {
  const discarded: number[] = [];
  it("hands out what has come in its order, and serves who waits in theirs", async () => {
    const queue = new AcceptQueue<number>((item) => discarded.push(item));
    queue.deliver(1);
    queue.deliver(2);
    assert.deepEqual([await queue.next(undefined), await queue.next(undefined)], [1, 2]);
    const waiting = Promise.all([queue.next(undefined), queue.next(undefined)]);
    queue.deliver(3);
    queue.deliver(4);
    assert.deepEqual(await waiting, [3, 4]);
  });

  it("passes over who has given up, and loses nothing by it", async () => {
    const queue = new AcceptQueue<number>((item) => discarded.push(item));
    const impatient = new AbortController();
    const first = queue.next(impatient.signal);
    const second = queue.next(undefined);
    impatient.abort(new Error("enough"));
    queue.deliver(5);
    queue.deliver(6);
    await assert.rejects(first, /enough/);
    assert.deepEqual([await second, await queue.next(undefined)].sort(), [5, 6]);
  });

  it("tells everybody why it has ended, and discards what nobody asks for", async () => {
    const queue = new AcceptQueue<number>((item) => discarded.push(item));
    const waiting = queue.next(undefined);
    const end = new Error("closed");
    queue.end(end);
    await assert.rejects(waiting, end);
    queue.deliver(7);
    queue.end(new Error("again"));
    await assert.rejects(queue.next(undefined), end);
    const other = new AcceptQueue<number>((item) => discarded.push(item));
    other.deliver(8);
    other.end(end);
    assert.deepEqual(discarded, [7, 8]);
  });
});
