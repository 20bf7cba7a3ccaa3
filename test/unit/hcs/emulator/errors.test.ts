import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { platformError } from "../../../../hcs/emulator/errors.ts";
import { HcsError } from "../../../../hcs/errors.ts";
import { HRESULT } from "../../../../hcs/hresult-table.ts";
import { isNotFound } from "../../../../hcs/hresult.ts";

describe("platformError", () => {
  it("gives a Linux error the code Windows would give, and keeps its text", () => {
    let caught: unknown;
    try {
      statSync("/nowhere");
    } catch (error) {
      caught = error;
    }
    const error = platformError("open", "x", caught) as HcsError;
    assert.ok(isNotFound(error));
    assert.equal(error.cause, caught);
    assert.match(error.message, /^cannot open "x": 0x80070002 \(ERROR_FILE_NOT_FOUND\): ENOENT.*\/nowhere/);
  });

  const codes: readonly (readonly [string, number])[] = [
    ["EPERM", HRESULT.accessDenied],
    ["EINVAL", HRESULT.invalidArgument],
    ["EEXIST", HRESULT.alreadyExistsWin32],
    ["EBUSY", 0x8007_00aa],
    ["ENOSPC", 0x8007_0070],
    ["EADDRINUSE", 0x8007_2740],
    ["ENODEV", HRESULT.notSupported],
    ["EXYZ", HRESULT.failed],
  ];
  for (const [code, hresult] of codes) {
    it(`maps ${code}`, () => {
      const error = Object.assign(new Error("why"), { code });
      assert.equal((platformError("x", "y", error) as HcsError).hresult, hresult);
    });
  }

  it("passes on what is an HcsError, and the reason of a fired signal", () => {
    const own = new HcsError({ operation: "x", hresult: 1 });
    assert.equal(platformError("y", "z", own), own);
    const reason = new Error("over");
    assert.equal(platformError("y", "z", reason, AbortSignal.abort(reason)), reason);
    assert.ok(platformError("y", "z", reason, new AbortController().signal) instanceof HcsError);
  });

  it("takes anything", () => {
    assert.match((platformError("x", "y", "a string") as Error).message, /a string$/);
    assert.match((platformError("x", "y", undefined) as Error).message, /undefined$/);
  });
});
