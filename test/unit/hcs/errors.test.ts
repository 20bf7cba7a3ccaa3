import assert from "node:assert/strict";
import { HcsError } from "../../../hcs/errors.ts";

describe("HcsError", () => {
  it("says what was attempted on what, the code, its symbol, sentence and hint", () => {
    const error = new HcsError({
      operation: "create compute system",
      target: "pod1@vm",
      hresult: 0x8037_010f,
    });
    assert.equal(
      error.message,
      'cannot create compute system "pod1@vm": 0x8037010f (HCS_E_SYSTEM_ALREADY_EXISTS): a compute system with this ' +
        "id already exists (look for it with `hcsctl emulator ps`; a leftover goes with `hcsctl doctor --fix`)",
    );
    assert.equal(error.symbol, "HCS_E_SYSTEM_ALREADY_EXISTS");
    assert.equal(error.name, "HcsError");
  });

  it("prefers what the platform said to the table's sentence, and adds its events", () => {
    const error = new HcsError({
      operation: "start compute system",
      target: "pod1@vm",
      hresult: 0x8037_0105,
      detail: "compute system is in state Running",
      events: [{ message: "first" }, { message: "second", source: "x" }],
    });
    assert.equal(
      error.message,
      'cannot start compute system "pod1@vm": 0x80370105 (HCS_E_INVALID_STATE): ' +
        "compute system is in state Running [first; second]",
    );
    assert.equal(error.detail, "compute system is in state Running");
    assert.equal(error.events.length, 2);
  });

  it("gives the hint of who knows better, or none", () => {
    const init = {
      operation: "create job",
      target: "j",
      hresult: 0x8037_0114,
      detail: "no Wine: install it",
    };
    const plain = 'cannot create job "j": 0x80370114 (HCS_E_SERVICE_NOT_AVAILABLE): no Wine: install it';
    assert.equal(new HcsError({ ...init, hint: "" }).message, plain);
    assert.equal(new HcsError({ ...init, hint: "ask" }).message, `${plain} (ask)`);
    assert.equal(new HcsError({ ...init, hint: "" }).hint, undefined);
  });

  it("takes signed and unknown codes, and does without a target", () => {
    const error = new HcsError({ operation: "query", hresult: 0x8037_ffff | 0 });
    assert.equal(error.message, "cannot query: 0x8037ffff: unknown error");
    assert.equal(error.hresult, 0x8037_ffff);
    assert.equal(error.symbol, undefined);
    assert.equal(error.target, undefined);
    assert.deepEqual(error.events, []);
  });

  it("keeps its cause", () => {
    const cause = new Error("why");
    assert.equal(new HcsError({ operation: "x", hresult: 1, cause }).cause, cause);
    assert.ok(!("cause" in new HcsError({ operation: "x", hresult: 1 })));
  });
});
