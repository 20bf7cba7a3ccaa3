import assert from "node:assert/strict";
import { HcsError } from "../../../../hcs/errors.ts";
import { HRESULT } from "../../../../hcs/hresult-table.ts";
import { SpecError } from "../../../../oci/errors.ts";
import { DeadlineError } from "../../../../shim/clock.ts";
import { ERRORS, ShimError, type ErrorCode } from "../../../../shim/errors.ts";
import { StdioError } from "../../../../shim/io/errors.ts";
import { toRpcError } from "../../../../shim/service/status.ts";
import { Code, RpcError } from "../../../../shim/ttrpc/index.ts";

describe("toRpcError", () => {
  const CODES: readonly (readonly [ErrorCode, number, string])[] = [
    ["TASK_NOT_FOUND", Code.NotFound, "x: not found"],
    ["EXEC_NOT_FOUND", Code.NotFound, "x: not found"],
    ["PROCESS_GONE", Code.NotFound, "x: not found"],
    ["TASK_EXISTS", Code.AlreadyExists, "x: already exists"],
    ["WRONG_STATE", Code.FailedPrecondition, "x: failed precondition"],
    ["REQUEST_INVALID", Code.InvalidArgument, "x: invalid argument"],
    ["UNSUPPORTED", Code.Unimplemented, "x: not implemented"],
    ["VM_LOST", Code.Unavailable, "x: unavailable"],
    ["BUDGET_EXCEEDED", Code.DeadlineExceeded, "x: context deadline exceeded"],
    ["RELEASE_FAILED", Code.Unknown, "x"],
  ];
  for (const [code, expected, text] of CODES) {
    it(`answers ${code} as ${expected}, with the class containerd knows at the end`, () => {
      const error = toRpcError(new ShimError(code, "x"));
      assert.deepEqual([error.code, error.message], [expected, text]);
    });
  }

  it("has a status for every code", () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[])
      assert.equal(typeof toRpcError(new ShimError(code, "x")).code, "number");
  });

  const OTHERS: readonly (readonly [string, unknown, number])[] = [
    ["failures of HCS", new HcsError({ operation: "x", hresult: HRESULT.systemNotFound }), Code.Unknown],
    ["failures of a spec", new SpecError({ at: "/x", rule: "y" }), Code.Unknown],
    ["malformed stdio", new StdioError("invalid", "stdout", "x", "y"), Code.InvalidArgument],
    ["stdio that does not answer", new StdioError("timeout", "stdout", "x", "y"), Code.DeadlineExceeded],
    ["a deadline", new DeadlineError("x", 1), Code.DeadlineExceeded],
    [
      "system errors: ENOENT is not a task that is gone",
      Object.assign(new Error("x"), { code: "ENOENT" }),
      Code.Unknown,
    ],
    ["text that was thrown", "oops", Code.Unknown],
  ];
  for (const [what, thrown, expected] of OTHERS) {
    it(`answers ${what} as ${expected}`, () => assert.equal(toRpcError(thrown).code, expected));
  }

  it("leaves an RPC status as it is", () => {
    const error = new RpcError(Code.Aborted, "as it is");
    assert.equal(toRpcError(error), error);
  });
});
