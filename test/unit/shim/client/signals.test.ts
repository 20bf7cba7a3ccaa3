import assert from "node:assert/strict";
import { signalNumber } from "../../../../shim/client/signals.ts";

describe("signalNumber", () => {
  for (const [signal, number] of [
    ["SIGTERM", 15],
    ["term", 15],
    ["15", 15],
    [64, 64],
    ["CTRL-C", 0],
    ["CtrlBreak", 1],
    ["ctrl-close", 2],
    ["CtrlLogOff", 5],
    ["CTRL-SHUTDOWN", 6],
  ] as const)
    it(`takes ${signal} for ${number}`, () => assert.equal(signalNumber(signal), number));

  for (const signal of ["", "0", "65", "SIGNOTHING", "CTRL"])
    it(`refuses "${signal}"`, () => assert.throws(() => signalNumber(signal), /invalid signal/));
});
