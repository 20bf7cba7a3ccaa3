import assert from "node:assert/strict";
import {
  describe as describeError,
  errorMembers,
  GuestError,
  RESULT,
} from "../../../../../hcs/emulator/guest/errors.ts";

describe("errorMembers", () => {
  it("gives the result as a signed number, and the text with those of its causes", () => {
    const cause = new Error("no such file");
    const error = new GuestError(RESULT.notFound, 'container "c" does not exist', { cause });
    const Result = -1070137074;
    const Message = 'container "c" does not exist: no such file';
    assert.deepEqual(errorMembers(error), {
      Result,
      ErrorMessage: Message,
      ErrorRecords: [{ Result, Message, ModuleName: "gcs", FileName: "", Line: 4294967295 }],
    });
  });

  it("calls everything else an unspecified failure", () => {
    assert.equal(errorMembers(new TypeError("x")).Result, -2147467259);
    assert.equal(errorMembers("thrown text").ErrorMessage, "thrown text");
  });
});

describe("describe", () => {
  it("joins the texts of causes", () => {
    assert.equal(describeError(new Error("a", { cause: new Error("b", { cause: "c" }) })), "a: b: c");
  });
});
