import assert from "node:assert/strict";
import { channel } from "node:diagnostics_channel";
import {
  Calls,
  EMULATOR_CALLS,
  type EmulatorCall,
  type FaultTargets,
} from "../../../../hcs/emulator/calls.ts";
import { FaultScript, type FaultRule } from "../../../../hcs/emulator/faults.ts";
import { HcsError } from "../../../../hcs/errors.ts";
import { isNotFound } from "../../../../hcs/hresult.ts";

describe("Calls", () => {
  const nothing: FaultTargets = { crash: () => undefined, disconnect: () => undefined };
  const calls = (rules: readonly FaultRule[] = [], targets = nothing): Calls =>
    new Calls(new FaultScript(rules), targets);
  const call = { phrase: "start compute system", target: "pod@vm" };

  it("answers what the body does", async () => {
    assert.equal(await calls().run("start", call, () => 1), 1);
    assert.equal(await calls().run("start", call, () => Promise.resolve(2)), 2);
  });

  it("turns what the body throws into an HcsError that says what was attempted", async () => {
    const body = (): never => {
      throw Object.assign(new Error("no such thing"), { code: "ENOENT" });
    };
    await assert.rejects(calls().run("start", call, body), (error: unknown) => {
      assert.ok(error instanceof HcsError && isNotFound(error));
      assert.match(error.message, /^cannot start compute system "pod@vm": .*no such thing/);
      return true;
    });
  });

  it("does not begin when its signal has fired, also while a fault delays it", async () => {
    const reason = new Error("over");
    let ran = 0;
    const body = (): void => void ran++;
    await assert.rejects(calls().run("start", { ...call, signal: AbortSignal.abort(reason) }, body), reason);
    const abort = new AbortController();
    const delay = { kind: "delay", until: async () => abort.abort(reason) } as const;
    const delayed = calls([{ operation: "start", action: delay }]);
    await assert.rejects(delayed.run("start", { ...call, signal: abort.signal }, body), reason);
    assert.equal(ran, 0);
  });

  it("tells faults which VM they are about", async () => {
    const crashed: (string | undefined)[] = [];
    const targets = { ...nothing, crash: (id: string | undefined) => void crashed.push(id) };
    const crashing = calls([{ operation: "start", action: { kind: "crash" } }], targets);
    await crashing.run("start", { ...call, runtimeId: "id" }, () => undefined);
    await crashing.run("start", call, () => undefined);
    assert.deepEqual(crashed, ["id", undefined]);
  });

  it("publishes finished calls", async () => {
    const seen: EmulatorCall[] = [];
    const listen = (message: unknown): void => void seen.push(message as EmulatorCall);
    channel(EMULATOR_CALLS).subscribe(listen);
    try {
      await calls().run("pause", call, () => undefined);
      const error = new Error("no");
      await assert.rejects(calls().run("resume", call, () => Promise.reject(error)));
    } finally {
      channel(EMULATOR_CALLS).unsubscribe(listen);
    }
    assert.deepEqual(
      seen.map(({ operation, target, error }) => [operation, target, error instanceof HcsError]),
      [
        ["pause", "pod@vm", false],
        ["resume", "pod@vm", true],
      ],
    );
    assert.ok(seen.every(({ ms }) => ms >= 0));
  });
});
