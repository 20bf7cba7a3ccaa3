import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { CallLimit, refusal } from "../../../../shim/ttrpc/call-limit.ts";
import type { CallOptions } from "../../../../shim/ttrpc/call-limit.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

interface Limited {
  readonly limit: CallLimit;
  readonly clock: ManualClock;
  readonly failures: string[];
}

function limited(options: CallOptions): Limited {
  const clock = new ManualClock();
  const failures: string[] = [];
  const limit = new CallLimit("s/M", options, clock, (failure) => failures.push(failure().message));
  return { limit, clock, failures };
}

describe("CallLimit", () => {
  it("says what is left in nanoseconds, 0 for no limit", () => {
    assert.equal(limited({}).limit.remainingNano(), 0n);
    assert.equal(limited({ timeoutMs: Infinity }).limit.remainingNano(), 0n);
    assert.equal(limited({ timeoutMs: 1.5 }).limit.remainingNano(), 1_500_000n);
  });

  it("never says 0, which would mean no limit, nor less", async () => {
    const { limit, clock } = limited({ timeoutMs: 1000 });
    await clock.advance(999);
    assert.equal(limit.remainingNano(), 1_000_000n);
    await clock.advance(1);
    assert.equal(limit.remainingNano(), 1n);
    await clock.advance(1000);
    assert.equal(limit.remainingNano(), 1n);
  });

  it("gives up once, at the deadline", async () => {
    const controller = new AbortController();
    const { clock, failures } = limited({ timeoutMs: 1000, signal: controller.signal });
    await clock.advance(1000);
    assert.equal(getEventListeners(controller.signal, "abort").length, 0);
    controller.abort();
    assert.deepEqual(failures, ['cannot call "s/M": no answer within 1000 ms']);
  });

  it("gives up once, at the signal", async () => {
    const controller = new AbortController();
    const { clock, failures } = limited({ timeoutMs: 1000, signal: controller.signal });
    controller.abort(new Error("enough"));
    assert.deepEqual(clock.pending, []);
    await clock.advance(1000);
    assert.deepEqual(failures, ['cannot call "s/M": enough']);
  });

  it("leaves neither timer nor listener when the call is over", () => {
    const { signal } = new AbortController();
    const { limit, clock } = limited({ timeoutMs: 1000, signal });
    assert.equal(clock.pending.length, 1);
    assert.equal(getEventListeners(signal, "abort").length, 1);
    limit.release();
    assert.deepEqual(clock.pending, []);
    assert.equal(getEventListeners(signal, "abort").length, 0);
  });
});

describe("refusal", () => {
  const CASES: readonly (readonly [what: string, options: CallOptions, message: string | undefined])[] = [
    ["nothing", {}, undefined],
    ["a timeout", { timeoutMs: 1 }, undefined],
    ["a timeout that is over", { timeoutMs: 0 }, 'cannot call "s/M": no answer within 0 ms'],
    ["a signal", { signal: new AbortController().signal }, undefined],
    [
      "a signal that has been aborted with a text",
      { signal: AbortSignal.abort("enough") },
      'cannot call "s/M": enough',
    ],
  ];
  for (const [what, options, message] of CASES) {
    it(`answers for ${what}`, () => assert.equal(refusal("s/M", options)?.().message, message));
  }
});
