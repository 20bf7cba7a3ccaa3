import assert from "node:assert/strict";
import {
  nextUvmState,
  UVM_STATES,
  UVM_TRANSITIONS,
  type UvmEvent,
} from "../../../../../shim/pod/vm/states.ts";

const EVENTS: readonly UvmEvent[] = ["start", "connected", "close", "lose", "gone"];

describe("nextUvmState", () => {
  for (const state of UVM_STATES) {
    for (const event of EVENTS) {
      const next = UVM_TRANSITIONS[state][event];
      it(`${event} in ${state} ${next === undefined ? "is a defect" : `leads to ${next}`}`, () => {
        if (next === undefined) assert.throws(() => nextUvmState(state, event), TypeError);
        else assert.equal(nextUvmState(state, event), next);
      });
    }
  }

  it("lets a VM be closed in every state: nothing can make one stay", () => {
    for (const state of UVM_STATES) assert.ok(UVM_TRANSITIONS[state].close !== undefined, state);
  });
});
