import assert from "node:assert/strict";
import { until } from "../../../../hcs/emulator/wait.ts";

describe("until", () => {
  it("answers what the condition gives first", async () => {
    const answers = [undefined, false, 0, 1] as const;
    let asked = 0;
    assert.equal(await until(() => answers[asked++], { what: "x" }), 0);
    assert.equal(asked, 3);
  });

  it("waits for conditions that are promises", async () => {
    let asked = 0;
    assert.equal(await until(() => Promise.resolve(++asked > 2 && "yes"), { what: "x" }), "yes");
  });

  it("gives up at its limit, naming what it waited for", async () => {
    const waiting = until(() => undefined, { what: "pigs fly", limitMs: 5 });
    await assert.rejects(waiting, /^Error: waited 5 ms in vain until pigs fly$/);
  });

  it("rejects with the signal's reason, before and while it waits", async () => {
    const reason = new Error("stop");
    await assert.rejects(
      until(() => undefined, { what: "x", signal: AbortSignal.abort(reason) }),
      reason,
    );
    const abort = new AbortController();
    let asked = 0;
    const waiting = until(() => void (++asked === 3 && abort.abort(reason)), {
      what: "x",
      signal: abort.signal,
    });
    await assert.rejects(waiting, reason);
  });

  it("passes on what the condition throws", async () => {
    const error = new Error("broken");
    const broken = (): never => {
      throw error;
    };
    await assert.rejects(until(broken, { what: "x" }), error);
  });
});
