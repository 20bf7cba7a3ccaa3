import assert from "node:assert/strict";
import { Alarm, LONGEST_TIMER_MS, SYSTEM_CLOCK } from "../../../../shim/ttrpc/clock.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const YEAR_MS = 365 * 24 * 3600 * 1000;

describe("Alarm", () => {
  it("calls back once, when its moment has come", async () => {
    const clock = new ManualClock();
    let calls = 0;
    new Alarm(clock, clock.monotonic() + 50, () => calls++);
    await clock.advance(49);
    assert.equal(calls, 0);
    await clock.advance(1);
    assert.equal(calls, 1);
    await clock.advance(1000);
    assert.equal(calls, 1);
  });

  it("waits longer than a timer can", async () => {
    const clock = new ManualClock();
    let calls = 0;
    new Alarm(clock, clock.monotonic() + YEAR_MS, () => calls++);
    assert.deepEqual(clock.pending, [LONGEST_TIMER_MS]);
    await clock.advance(YEAR_MS - 1);
    assert.equal(calls, 0);
    await clock.advance(1);
    assert.equal(calls, 1);
  });

  it("does not call back before a fraction of a millisecond is over", async () => {
    const clock = new ManualClock();
    let calls = 0;
    new Alarm(clock, clock.monotonic() + 1.25, () => calls++);
    await clock.advance(1);
    assert.equal(calls, 0);
    await clock.advance(1);
    assert.equal(calls, 1);
  });

  it("leaves no timer when it is cancelled, at any time", async () => {
    const clock = new ManualClock();
    const alarm = new Alarm(clock, clock.monotonic() + YEAR_MS, () => assert.fail("called"));
    await clock.advance(LONGEST_TIMER_MS + 1);
    alarm.cancel();
    alarm.cancel();
    assert.deepEqual(clock.pending, []);
    await clock.advance(YEAR_MS);
  });

  it("runs on the clock of the machine", async () => {
    const at = SYSTEM_CLOCK.monotonic() + 5;
    await new Promise<void>((resolve) => new Alarm(SYSTEM_CLOCK, at, resolve));
    assert.ok(SYSTEM_CLOCK.monotonic() >= at);
  });
});
