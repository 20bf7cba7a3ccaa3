import assert from "node:assert/strict";
import { ShimError } from "../../../../shim/errors.ts";
import { Phases } from "../../../../shim/phases/phases.ts";
import { Timeline } from "../../../../shim/phases/timeline.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

describe("Phases", () => {
  let clock: ManualClock;
  let timeline: Timeline;

  beforeEach(() => {
    clock = new ManualClock();
    timeline = new Timeline();
  });

  const phases = (signal?: AbortSignal): Phases =>
    new Phases({ clock, timeline, budgetMs: () => 1000 }, { verb: "create", task: "web" }, signal);

  it("give back what the work gives, and record its time", async () => {
    const result = phases().run("layers", async () => {
      await clock.advance(250);
      return "done";
    });
    assert.equal(await result, "done");
    const [entry] = timeline.entries();
    assert.deepEqual(
      [entry?.phase, entry?.task, entry?.durationMs, entry?.failure],
      ["layers", "web", 250, undefined],
    );
  });

  it("name the phase and its budget when it is used up, also for work that does not heed its signal", async () => {
    const result = phases().run("vm-boot", () => new Promise(() => undefined));
    const refused = assert.rejects(
      result,
      (error) => error instanceof ShimError && error.code === "BUDGET_EXCEEDED",
    );
    await clock.advance(1000);
    await refused;
    await assert.rejects(result, /cannot create "web": phase vm-boot used up its budget of 1000 ms/);
    assert.match(timeline.entries()[0]?.failure ?? "", /vm-boot/);
  });

  it("signal the work when the budget is used up", async () => {
    let heard = false;
    const result = phases().run(
      "query",
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            heard = true;
            reject(new Error("given up"));
          });
        }),
    );
    result.catch(() => undefined);
    await clock.advance(1000);
    assert.equal(heard, true);
  });

  it("pass the error of the work on as it is", async () => {
    await assert.rejects(
      phases().run("layers", () => Promise.reject(new TypeError("no layer"))),
      TypeError,
    );
    assert.equal(timeline.entries()[0]?.failure, "no layer");
  });

  it("end with the caller's reason when the caller gives up", async () => {
    const caller = new AbortController();
    const result = phases(caller.signal).run("layers", () => new Promise(() => undefined));
    caller.abort(new Error("client has gone"));
    await assert.rejects(result, /client has gone/);
  });

  it("leave no timer behind", async () => {
    await phases().run("layers", async () => undefined);
    assert.deepEqual(clock.pending, []);
  });
});

describe("Timeline", () => {
  it("keeps the newest entries", () => {
    const timeline = new Timeline();
    for (let index = 0; index < 1500; index++) {
      const entry = { startedAt: index, durationMs: 0, task: "t", verb: "v", phase: "query" } as const;
      timeline.end(entry, entry);
    }
    const entries = timeline.entries();
    assert.deepEqual([entries.length, entries[0]?.startedAt, entries.at(-1)?.startedAt], [1000, 500, 1499]);
  });
});
