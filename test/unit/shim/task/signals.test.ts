import assert from "node:assert/strict";
import { ShimError } from "../../../../shim/errors.ts";
import { killAction, type GuestOs, type KillAction } from "../../../../shim/task/signals.ts";

/** Guest, can signal, number, what is done; undefined: refused. */
const CASES: readonly (readonly [GuestOs, boolean, number, KillAction | undefined])[] = [
  ["linux", true, 0, undefined],
  ["linux", true, 1, { signal: 1 }],
  ["linux", true, 9, { signal: 9 }],
  ["linux", true, 31, { signal: 31 }],
  ["linux", true, 32, undefined],
  ["linux", true, 64, undefined],
  ["linux", false, 6, "terminate"],
  ["linux", false, 9, "terminate"],
  ["linux", false, 15, "terminate"],
  ["linux", false, 2, undefined],
  ["windows", true, 0, { signal: "CtrlC" }],
  ["windows", true, 1, { signal: "CtrlBreak" }],
  ["windows", true, 2, { signal: "CtrlClose" }],
  ["windows", true, 5, { signal: "CtrlLogOff" }],
  ["windows", true, 6, { signal: "CtrlShutdown" }],
  ["windows", true, 15, { signal: "CtrlShutdown" }],
  ["windows", true, 9, "terminate"],
  ["windows", true, 3, undefined],
  ["windows", true, 28, undefined],
  ["windows", false, 15, "terminate"],
  ["windows", false, 9, "terminate"],
  ["windows", false, 0, undefined],
];

describe("killAction", () => {
  for (const [os, canSignal, signal, expected] of CASES) {
    const how = expected === undefined ? "is refused" : `is ${JSON.stringify(expected)}`;
    it(`signal ${signal} to a ${os} guest that ${canSignal ? "delivers" : "only ends"} ${how}`, () => {
      if (expected !== undefined) assert.deepEqual(killAction(os, signal, canSignal), expected);
      else
        assert.throws(
          () => killAction(os, signal, canSignal),
          (error) => error instanceof ShimError && error.code === "SIGNAL_INVALID",
        );
    });
  }
});
