import assert from "node:assert/strict";
import { createDeferred } from "../../../../../../hcs/deferred.ts";
import { Console, type ConsoleSize } from "../../../../../../hcs/emulator/guest/windows/console.ts";

const size = (height: number): ConsoleSize => ({ height, width: 80 });

describe("Console", () => {
  it("changes one size after the other, and skips those that are no longer wanted", async () => {
    const applied: number[] = [];
    const gate = createDeferred<void>();
    const console = new Console(async ({ height }) => {
      applied.push(height);
      await gate.promise;
    });
    const changes = [console.resize(size(1)), console.resize(size(2)), console.resize(size(3))];
    gate.resolve();
    await Promise.all(changes);
    assert.deepEqual(applied, [1, 3]);
  });

  it("changes again after a change that failed", async () => {
    let fails = true;
    const applied: number[] = [];
    const console = new Console(({ height }) => {
      if (fails) return Promise.reject(new Error("no"));
      applied.push(height);
      return Promise.resolve();
    });
    await assert.rejects(console.resize(size(1)), /no/);
    fails = false;
    await console.resize(size(2));
    assert.deepEqual(applied, [2]);
  });
});
