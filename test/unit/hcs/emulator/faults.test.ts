import assert from "node:assert/strict";
import {
  FaultScript,
  parseFaults,
  type FaultOperation,
  type FaultRule,
} from "../../../../hcs/emulator/faults.ts";
import { HcsError } from "../../../../hcs/errors.ts";

interface Effects {
  crashes: number;
  disconnected: string[];
}

function scope(effects: Effects, target?: string) {
  return {
    target,
    crash: () => void effects.crashes++,
    disconnect: (serviceId: string) => void effects.disconnected.push(serviceId),
  };
}

describe("FaultScript", () => {
  const fail = (operation: FaultOperation, rest: Partial<FaultRule> = {}): FaultRule => ({
    operation,
    action: { kind: "fail", hresult: 0x8037_0109 },
    ...rest,
  });
  const effects = (): Effects => ({ crashes: 0, disconnected: [] });

  it("does nothing without rules", async () => {
    await new FaultScript([]).before("start", scope(effects()));
  });

  it("fails the calls it names with the code it names", async () => {
    const script = new FaultScript([fail("start", { target: "pod@vm" })]);
    await script.before("terminate", scope(effects(), "pod@vm"));
    await script.before("start", scope(effects(), "other@vm"));
    await assert.rejects(script.before("start", scope(effects(), "pod@vm")), (error: unknown) => {
      assert.ok(error instanceof HcsError);
      assert.equal(error.hresult, 0x8037_0109);
      assert.equal(error.target, "pod@vm");
      return true;
    });
  });

  it("counts matching calls alone", async () => {
    const script = new FaultScript([fail("modify", { target: "a", nth: 2 })]);
    const call = (target: string): Promise<void> => script.before("modify", scope(effects(), target));
    await call("a");
    await call("b");
    await assert.rejects(call("a"));
    await call("a");
  });

  it("takes a star in a target for any text, and nothing else for a pattern", async () => {
    const script = new FaultScript([fail("hvSocket.accept", { target: "*/port(1)" })]);
    await script.before("hvSocket.accept", scope(effects(), "x/port1"));
    await assert.rejects(script.before("hvSocket.accept", scope(effects(), "x/port(1)")));
  });

  it("crashes, disconnects and delays, and lets the call go on", async () => {
    const order: string[] = [];
    const script = new FaultScript([
      { operation: "start", action: { kind: "delay", until: async () => void order.push("delayed") } },
      { operation: "start", action: { kind: "crash" } },
      { operation: "start", action: { kind: "disconnect", serviceId: "service" } },
    ]);
    const seen = effects();
    await script.before("start", scope(seen));
    assert.deepEqual({ order, ...seen }, { order: ["delayed"], crashes: 1, disconnected: ["service"] });
  });

  it("withholds the exits it names", () => {
    const script = new FaultScript([{ operation: "exit", target: "a", action: { kind: "withhold" } }]);
    assert.equal(script.withholdsExit("a"), true);
    assert.equal(script.withholdsExit("b"), false);
  });
});

describe("parseFaults", () => {
  it("reads every action", () => {
    const rules = parseFaults(`[
      {"operation": "start", "target": "a", "nth": 3, "fail": "0x80370109", "detail": "why"},
      {"operation": "start", "fail": 5},
      {"operation": "modify", "delayUntil": "/tmp/go"},
      {"operation": "modify", "crash": true},
      {"operation": "modify", "disconnect": "id"},
      {"operation": "exit", "withhold": true}
    ]`);
    assert.deepEqual(rules[0], {
      operation: "start",
      target: "a",
      nth: 3,
      action: { kind: "fail", hresult: 0x8037_0109, detail: "why" },
    });
    assert.deepEqual(rules[1]?.action, { kind: "fail", hresult: 0x8007_0005 });
    assert.deepEqual(
      rules.slice(2).map(({ action }) => action.kind),
      ["delay", "crash", "disconnect", "withhold"],
    );
  });

  const refused: readonly (readonly [string, RegExp])[] = [
    ["{", /invalid JSON$/],
    ["{}", /it is not a list$/],
    ["[1]", /rule 0: it is not an object$/],
    [
      '[{"operation":"start","crash":true},{"operation":"lunch","crash":true}]',
      /rule 1: unknown operation "lunch"$/,
    ],
    ['[{"operation":"start"}]', /rule 0: needs exactly one of fail, delayUntil/],
    ['[{"operation":"start","crash":true,"fail":1}]', /needs exactly one of/],
    ['[{"operation":"start","crash":"yes"}]', /cannot use crash "yes" at operation start$/],
    ['[{"operation":"start","fail":"many"}]', /cannot use fail "many"/],
    ['[{"operation":"start","fail":0}]', /cannot use fail 0/],
    ['[{"operation":"start","withhold":true}]', /cannot use withhold true at operation start$/],
    ['[{"operation":"start","crash":true,"nth":0}]', /nth is not a positive whole number$/],
    ['[{"operation":"start","crash":true,"target":1}]', /target is not a string$/],
    ['[{"operation":"start","crash":true,"when":1}]', /unknown member "when"$/],
  ];
  for (const [json, message] of refused) {
    it(`refuses ${json}`, () => assert.throws(() => parseFaults(json), message));
  }
});
