import assert from "node:assert/strict";
import { StallWatch } from "../../../../shim/io/stall-watch.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

describe("StallWatch", () => {
  let clock: ManualClock;
  let log: string[];
  let alive: boolean;
  let watch: StallWatch;
  const [one, other] = [{}, {}];

  beforeEach(() => {
    clock = new ManualClock();
    log = [];
    alive = true;
    watch = new StallWatch({
      clock,
      isAlive: async () => {
        log.push(`asked at ${clock.monotonic()}`);
        return alive;
      },
      onDead: () => log.push("dead"),
      onStall: (ms) => log.push(`stalled for ${ms}`),
      onError: () => log.push("error"),
    });
  });

  it("asks nothing while something moves, and begins anew when it stops", async () => {
    watch.stalled(one);
    for (let second = 0; second < 5; second += 1) {
      await clock.advance(900);
      watch.moved();
      await clock.advance(100);
    }
    assert.deepEqual(log, []);
    await clock.advance(1_000);
    assert.deepEqual(log, ["stalled for 1000", "asked at 6000"]);
  });

  it("watches until the last stalled output goes on", async () => {
    watch.stalled(one);
    watch.stalled(other);
    watch.resumed(one);
    assert.equal(clock.pending.length, 1);
    watch.resumed(other);
    assert.deepEqual(clock.pending, []);
    await clock.advance(10_000);
    assert.deepEqual(log, []);
  });

  it("begins with short intervals again after progress", async () => {
    watch.stalled(one);
    await clock.advance(3_000);
    watch.moved();
    await clock.advance(4_000);
    assert.deepEqual(log.slice(2), ["stalled for 3000", "asked at 3000"]);
    assert.deepEqual(clock.pending, [1_000]);
  });

  it("says once that the process is dead, and is over then", async () => {
    alive = false;
    watch.stalled(one);
    await clock.advance(1_000);
    watch.stalled(other);
    await clock.advance(100_000);
    assert.deepEqual(log, ["stalled for 1000", "asked at 1000", "dead"]);
    assert.deepEqual(clock.pending, []);
  });

  it("takes no answer that comes after it was stopped", async () => {
    let answer: (alive: boolean) => void = () => undefined;
    let signal: AbortSignal | undefined;
    const slow = new StallWatch({
      clock,
      isAlive: (given) => {
        signal = given;
        return new Promise((resolve) => (answer = resolve));
      },
      onDead: () => log.push("dead"),
      onStall: () => undefined,
      onError: () => log.push("error"),
    });
    slow.stalled(one);
    await clock.advance(1_000);
    slow.stop();
    assert.equal(signal?.aborted, true);
    answer(false);
    await clock.advance(100_000);
    assert.deepEqual(log, []);
  });
});
