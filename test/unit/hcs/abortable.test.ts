import assert from "node:assert/strict";
import { abortable } from "../../../hcs/abortable.ts";

describe("abortable", () => {
  it("settles as the promise does", async () => {
    const { signal } = new AbortController();
    assert.equal(await abortable(Promise.resolve(1), signal), 1);
    assert.equal(await abortable(Promise.resolve(1), undefined), 1);
    await assert.rejects(abortable(Promise.reject(new Error("no")), signal), /no/);
  });

  it("rejects when the signal fires, and hands a late result on", async () => {
    const abort = new AbortController();
    const reason = new Error("stop");
    let finish: (value: string) => void = () => undefined;
    const promise = new Promise<string>((resolve) => (finish = resolve));
    const released: string[] = [];
    const waiting = abortable(promise, abort.signal, (late) => released.push(late));
    abort.abort(reason);
    await assert.rejects(waiting, reason);
    finish("late");
    await promise;
    assert.deepEqual(released, ["late"]);
  });

  it("swallows a late failure, which nobody waits for", async () => {
    const promise = Promise.reject(new Error("late"));
    const reason = new Error("stop");
    await assert.rejects(abortable(promise, AbortSignal.abort(reason)), reason);
  });
});
