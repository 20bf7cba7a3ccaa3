import assert from "node:assert/strict";
import { createDeferred } from "../../../../hcs/deferred.ts";
import { Attempt } from "../../../../shim/task/attempt.ts";

describe("Attempt", () => {
  it("is made once for all who ask, and not again when it has succeeded", async () => {
    const done = createDeferred<void>();
    let made = 0;
    const attempt = new Attempt(() => {
      made++;
      return done.promise;
    });
    const both = Promise.all([attempt.run(), attempt.run()]);
    done.resolve(undefined);
    await both;
    await attempt.run();
    assert.equal(made, 1);
  });

  it("is made again by the next who asks after it has failed", async () => {
    let made = 0;
    const attempt = new Attempt(async () => {
      if (++made === 1) throw new Error("not yet");
    });
    await assert.rejects(attempt.run(), /not yet/);
    await attempt.run();
    assert.equal(made, 2);
  });
});
