import assert from "node:assert/strict";
import type { ProcessSignal } from "../../../../hcs/api.ts";
import { signalRequest } from "../../../../hcs/guest/signals.ts";
import type { GuestOs } from "../../../../hcs/guest/stdio.ts";

const KILL = "kill";
const REFUSED = "refused";

/** What each kind of guest is sent for a signal. */
const CASES: readonly (readonly [
  os: GuestOs,
  canSignal: boolean,
  signal: ProcessSignal,
  sent: number | string,
])[] = [
  ["linux", true, 1, 1],
  ["linux", true, 9, 9],
  ["linux", true, 15, 15],
  ["linux", true, 31, 31],
  ["linux", true, 0, REFUSED],
  ["linux", true, 32, REFUSED],
  ["linux", true, -1, REFUSED],
  ["linux", true, 1.5, REFUSED],
  ["linux", true, "CtrlC", REFUSED],
  ["linux", false, 9, KILL],
  ["linux", false, 15, KILL],
  ["linux", false, 2, REFUSED],
  ["windows", true, 0, "CtrlC"],
  ["windows", true, 1, "CtrlBreak"],
  ["windows", true, 2, "CtrlClose"],
  ["windows", true, 5, "CtrlLogOff"],
  ["windows", true, 6, "CtrlShutdown"],
  ["windows", true, 15, "CtrlShutdown"],
  ["windows", true, 9, KILL],
  ["windows", true, 3, REFUSED],
  ["windows", true, "CtrlLogOff", "CtrlLogOff"],
  ["windows", false, 6, KILL],
  ["windows", false, 9, KILL],
  ["windows", false, 15, KILL],
  ["windows", false, 1, REFUSED],
  ["windows", false, "CtrlC", REFUSED],
];

describe("signalRequest", () => {
  for (const [os, canSignal, signal, sent] of CASES) {
    const guest = canSignal ? `a ${os} guest` : `a ${os} guest that can only kill`;
    it(`${signal} to ${guest}: ${sent}`, () => {
      const request = signalRequest(os, signal, canSignal);
      const described = request === undefined ? REFUSED : (request.options?.Signal ?? KILL);
      assert.equal(described, sent);
    });
  }
});
