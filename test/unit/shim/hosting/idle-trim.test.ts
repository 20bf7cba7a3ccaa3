import assert from "node:assert/strict";
import { IdleTrim } from "../../../../shim/hosting/idle-trim.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

describe("IdleTrim", () => {
  it("trims once when nobody has asked anything for ten seconds, however much was asked before", async () => {
    const clock = new ManualClock();
    let trims = 0;
    const trim = new IdleTrim(clock, () => (trims += 1));
    for (let second = 0; second < 30; second += 1) {
      trim.touch(clock.monotonic());
      await clock.advance(1000);
    }
    assert.equal(trims, 0);
    await clock.advance(9000);
    assert.equal(trims, 1);
    await clock.advance(60_000);
    assert.equal(trims, 1);
  });

  it("trims again after the next calls", async () => {
    const clock = new ManualClock();
    let trims = 0;
    const trim = new IdleTrim(clock, () => (trims += 1));
    for (let round = 1; round <= 3; round += 1) {
      trim.touch(clock.monotonic());
      await clock.advance(10_000);
      assert.equal(trims, round);
    }
  });

  it("asks nothing of the clock while it is idle", async () => {
    const clock = new ManualClock();
    const trim = new IdleTrim(clock, () => undefined);
    trim.touch(clock.monotonic());
    await clock.advance(10_000);
    assert.deepEqual(clock.pending, []);
  });
});
