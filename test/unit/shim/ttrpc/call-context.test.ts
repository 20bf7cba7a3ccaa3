import assert from "node:assert/strict";
import { Request } from "../../../../protos/gen/ttrpc.ts";
import { ServerCallContext } from "../../../../shim/ttrpc/call-context.ts";
import { RpcError } from "../../../../shim/ttrpc/status.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

function context(clock: ManualClock, timeoutNano: bigint): ServerCallContext {
  return new ServerCallContext("s.S", "M", { id: 1 }, Request.create({ timeoutNano }), clock);
}

describe("ServerCallContext", () => {
  it("has no deadline when the request has none", () => {
    const clock = new ManualClock();
    const call = context(clock, 0n);
    assert.equal(call.timeoutMs, undefined);
    assert.equal(call.deadline, undefined);
    assert.equal(call.signal.aborted, false);
    assert.deepEqual(clock.pending, []);
  });

  it("counts the deadline from when the request came", async () => {
    const clock = new ManualClock();
    await clock.advance(1000);
    const call = context(clock, 1_500_000_000n);
    assert.equal(call.timeoutMs, 1500);
    assert.equal(call.deadline, clock.monotonic() + 1500);
    await clock.advance(1000);
    const { signal } = call;
    await clock.advance(499);
    assert.equal(signal.aborted, false);
    await clock.advance(1);
    assert.equal(signal.aborted, true);
    assert.ok(RpcError.is(signal.reason, 4));
    assert.equal(signal.reason.message, "context deadline exceeded");
  });

  it("sets no timer for a handler that does not look", () => {
    const clock = new ManualClock();
    context(clock, 1_000_000n);
    assert.deepEqual(clock.pending, []);
  });

  for (const timeoutNano of [-1n, -9223372036854775808n]) {
    it(`is over from the start with a timeout of ${timeoutNano} ns`, () => {
      const { signal, timeoutMs } = context(new ManualClock(), timeoutNano);
      assert.ok(timeoutMs !== undefined && timeoutMs < 0);
      assert.ok(RpcError.is(signal.reason, 4));
    });
  }

  it("takes the longest timeout there is", async () => {
    const clock = new ManualClock();
    const { signal } = context(clock, 9223372036854775807n);
    await clock.advance(365 * 24 * 3600 * 1000);
    assert.equal(signal.aborted, false);
  });

  it("keeps the first reason", async () => {
    const clock = new ManualClock();
    const call = context(clock, 1_000_000n);
    const { signal } = call;
    const first = new RpcError(1, "gone");
    call.abort(first);
    assert.deepEqual(clock.pending, []);
    call.abort(new RpcError(14, "closing"));
    await clock.advance(10);
    assert.equal(signal.reason, first);
  });

  it("tells a handler that looks later that it has been aborted", () => {
    const call = context(new ManualClock(), 0n);
    const reason = new RpcError(1, "gone");
    call.abort(reason);
    assert.equal(call.signal.reason, reason);
  });

  it("leaves no timer behind, and the signal as it is, when the handler is done", async () => {
    const clock = new ManualClock();
    const call = context(clock, 1_000_000n);
    const { signal } = call;
    call.release();
    assert.deepEqual(clock.pending, []);
    await clock.advance(10);
    assert.equal(signal.aborted, false);
    const late = context(clock, 1_000_000n);
    late.release();
    assert.equal(late.signal.aborted, false);
    assert.deepEqual(clock.pending, []);
  });

  it("reads metadata with several values", () => {
    const request = Request.create({
      metadata: [
        { key: "k", value: "1" },
        { key: "K", value: "2" },
      ],
    });
    const call = new ServerCallContext("s.S", "M", { id: 1 }, request, new ManualClock());
    assert.deepEqual(call.metadata.getAll("k"), ["1", "2"]);
    assert.equal(call.metadata, call.metadata);
  });
});
