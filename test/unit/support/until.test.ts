import assert from "node:assert/strict";
import { until } from "../../support/until.ts";

describe("until", () => {
  it("gives the condition's value once there is one", async () => {
    let calls = 0;
    assert.equal(await until("three calls", () => (++calls === 3 ? calls : undefined)), 3);
  });

  it("takes an error of the condition for not yet", async () => {
    let calls = 0;
    const value = await until("the second call", () => {
      if (++calls === 1) throw new Error("not there");
      return "there";
    });
    assert.equal(value, "there");
  });

  it("gives up at its limit and says what it waited for, the state and the last error", async () => {
    const failing = until("the moon", () => Promise.reject(new Error("clouds")), {
      timeoutMs: 20,
      state: () => "night",
    });
    await assert.rejects(failing, { message: "cannot wait for the moon: not so after 20 ms: night: clouds" });
  });

  it("stops when it is aborted", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await assert.rejects(
      until("anything", () => false, { signal }),
      { message: "enough" },
    );
  });
});
