import assert from "node:assert/strict";
import { abortable, DeadlineError, reasonOf, startDeadline, systemClock } from "../../../shim/clock.ts";
import { ManualClock } from "../../support/manual-clock.ts";

describe("systemClock", () => {
  it("sleeps, and calls back", async () => {
    const before = systemClock.monotonic();
    await systemClock.sleep(1);
    await new Promise<void>((resolve) => void systemClock.setTimeout(resolve, 1));
    assert.ok(systemClock.monotonic() > before);
    assert.ok(Math.abs(systemClock.now() - Date.now()) < 10_000);
  });

  it("stops sleeping when the signal fires, and does not begin when it has fired", async () => {
    const controller = new AbortController();
    const sleeping = systemClock.sleep(60_000, controller.signal);
    controller.abort(new Error("enough"));
    await assert.rejects(sleeping, /enough/);
    await assert.rejects(systemClock.sleep(60_000, controller.signal), /enough/);
  });

  it("calls off a timer", async () => {
    let called = false;
    const cancel = systemClock.setTimeout(() => (called = true), 1);
    cancel();
    await systemClock.sleep(5);
    assert.equal(called, false);
  });
});

describe("startDeadline", () => {
  it("fires with the words of what ran out", async () => {
    const clock = new ManualClock();
    using deadline = startDeadline(clock, 50, "guest did not answer");
    await clock.advance(49);
    assert.equal(deadline.signal.aborted, false);
    await clock.advance(1);
    assert.ok(deadline.signal.reason instanceof DeadlineError);
    assert.equal(deadline.signal.reason.message, "guest did not answer: timed out after 50 ms");
  });

  it("fires with the reason of its parent, before or after it began", () => {
    const clock = new ManualClock();
    const parent = new AbortController();
    using early = startDeadline(clock, 50, "x", parent.signal);
    parent.abort(new Error("verb is over"));
    using late = startDeadline(clock, 50, "x", parent.signal);
    assert.equal(reasonOf(early.signal).message, "verb is over");
    assert.equal(reasonOf(late.signal).message, "verb is over");
    assert.deepEqual(clock.pending, []);
  });

  it("holds nothing after its disposal", async () => {
    const clock = new ManualClock();
    const parent = new AbortController();
    const deadline = startDeadline(clock, 50, "x", parent.signal);
    deadline[Symbol.dispose]();
    parent.abort(new Error("later"));
    await clock.advance(100);
    assert.deepEqual([deadline.signal.aborted, clock.pending], [false, []]);
  });
});

describe("abortable", () => {
  it("gives what the promise gives", async () => {
    const { signal } = new AbortController();
    assert.equal(await abortable(Promise.resolve(1), signal), 1);
    assert.equal(await abortable(Promise.resolve(2), undefined), 2);
    await assert.rejects(abortable(Promise.reject(new Error("no")), signal), /no/);
  });

  it("rejects with the reason when the signal is first, also one that is no error", async () => {
    const controller = new AbortController();
    const waiting = abortable(new Promise(() => undefined), controller.signal);
    controller.abort("plain words");
    await assert.rejects(waiting, /plain words/);
    await assert.rejects(abortable(Promise.resolve(1), controller.signal), /plain words/);
  });

  it("keeps quiet about a promise that fails after the signal", async () => {
    const controller = new AbortController();
    let fail: (error: Error) => void = () => undefined;
    const waiting = abortable(new Promise((_resolve, reject) => (fail = reject)), controller.signal);
    controller.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    fail(new Error("late"));
    // An unhandled rejection would end the test run.
    await new Promise((resolve) => setImmediate(resolve));
  });
});
