import assert from "node:assert/strict";
import {
  Code,
  ConnectionClosedError,
  RpcError,
  classOfCode,
  codeOf,
  isConnectionClosed,
  nameOfCode,
  rpcErrorFromStatus,
  rpcErrorOf,
  statusOf,
  withClass,
} from "../../../../shim/ttrpc/status.ts";

/** Code, name, and what containerd calls it. */
const CODES: readonly (readonly [code: number, name: string, containerdClass: string])[] = [
  [1, "Canceled", "context canceled"],
  [2, "Unknown", "unknown"],
  [3, "InvalidArgument", "invalid argument"],
  [4, "DeadlineExceeded", "context deadline exceeded"],
  [5, "NotFound", "not found"],
  [6, "AlreadyExists", "already exists"],
  [7, "PermissionDenied", "permission denied"],
  [8, "ResourceExhausted", "resource exhausted"],
  [9, "FailedPrecondition", "failed precondition"],
  [10, "Aborted", "aborted"],
  [11, "OutOfRange", "out of range"],
  [12, "Unimplemented", "not implemented"],
  [13, "Internal", "internal"],
  [14, "Unavailable", "unavailable"],
  [15, "DataLoss", "data loss"],
  [16, "Unauthenticated", "unauthenticated"],
];

describe("Code", () => {
  for (const [code, name, containerdClass] of CODES) {
    it(`has ${name}`, () => {
      assert.equal(Code[name as keyof typeof Code], code);
      assert.equal(nameOfCode(code), name);
      assert.equal(classOfCode(code), containerdClass);
    });
  }

  it("gives a number without a name a text and the class unknown", () => {
    assert.equal(nameOfCode(99), "code 99");
    assert.equal(classOfCode(99), "unknown");
  });
});

describe("withClass", () => {
  const CASES: readonly (readonly [code: number, text: string, expected: string])[] = [
    [5, 'task "web"', 'task "web": not found'],
    [5, 'task "web": not found', 'task "web": not found'],
    [5, "not found", "not found"],
    [5, "", "not found"],
    [9, "task is stopped", "task is stopped: failed precondition"],
    [42, "odd", "odd: unknown"],
  ];
  for (const [code, text, expected] of CASES) {
    it(`makes "${expected}" of ${code} and "${text}"`, () => assert.equal(withClass(code, text), expected));
  }
});

describe("statusOf", () => {
  const named = (name: string, message: string): Error => Object.assign(new Error(message), { name });
  const CASES: readonly (readonly [what: string, thrown: unknown, code: number, message: string])[] = [
    ["an RpcError", new RpcError(Code.NotFound, 'task "web" is gone'), 5, 'task "web" is gone'],
    ["an RpcError with an unheard-of code", new RpcError(77, "odd"), 77, "odd"],
    ["an RpcError that claims success", new RpcError(Code.OK, "all is well"), 2, "all is well"],
    ["an RpcError whose code is no integer", new RpcError(NaN, "odd"), 2, "odd"],
    ["an RpcError whose code is too large", new RpcError(2 ** 32, "odd"), 2, "odd"],
    ["a closed connection", new ConnectionClosedError(), 14, "ttrpc: closed"],
    ["any error", new Error("broken"), 2, "broken"],
    ["an error without a text", new TypeError(), 2, "TypeError"],
    [
      "a missing file, which is not a missing task",
      named("Error", "ENOENT: no such file"),
      2,
      "ENOENT: no such file",
    ],
    ["an AbortError", AbortSignal.abort().reason, 1, "This operation was aborted"],
    ["a TimeoutError", named("TimeoutError", "timed out"), 4, "timed out"],
    ["an error named like a member of every object", named("constructor", "odd"), 2, "odd"],
    ["a string", "broken", 2, "broken"],
    ["undefined", undefined, 2, "undefined"],
    ["null", null, 2, "null"],
    ["an object that cannot be printed", Object.create(null), 2, "error without a text"],
  ];
  for (const [what, thrown, code, message] of CASES) {
    it(`turns ${what} into a status`, () => {
      assert.deepEqual(statusOf(thrown), { code, message, details: [] });
    });
  }

  it("keeps the details of an RpcError", () => {
    const details = [{ typeUrl: "x", value: Buffer.from("y") }];
    assert.deepEqual(statusOf(new RpcError(3, "no", { details })).details, details);
  });
});

describe("codeOf", () => {
  it("is never that of success", () => {
    for (const thrown of [undefined, 0, "", new RpcError(0, "")]) assert.notEqual(codeOf(thrown), Code.OK);
  });
});

describe("rpcErrorOf", () => {
  it("gives back an RpcError", () => {
    const error = new RpcError(3, "no");
    assert.equal(rpcErrorOf(error), error);
  });

  it("keeps anything else as the cause", () => {
    const cause = new Error("broken");
    const error = rpcErrorOf(cause);
    assert.equal(error.code, Code.Unknown);
    assert.equal(error.message, "broken");
    assert.equal(error.cause, cause);
  });
});

describe("rpcErrorFromStatus", () => {
  it("is the way back from statusOf", () => {
    const status = { code: 9, message: "no", details: [{ typeUrl: "x", value: Buffer.from("y") }] };
    assert.deepEqual(statusOf(rpcErrorFromStatus(status)), status);
  });
});

describe("RpcError.is", () => {
  it("asks for the class and, if wanted, the code", () => {
    assert.equal(RpcError.is(new RpcError(5, "no")), true);
    assert.equal(RpcError.is(new RpcError(5, "no"), Code.NotFound), true);
    assert.equal(RpcError.is(new RpcError(5, "no"), Code.Internal), false);
    assert.equal(RpcError.is(new Error("no")), false);
  });
});

describe("ConnectionClosedError", () => {
  it("has the text that containerd compares", () => {
    const cause = new Error("ECONNRESET");
    const error = new ConnectionClosedError(cause);
    assert.equal(error.message, "ttrpc: closed");
    assert.equal(error.code, Code.Unavailable);
    assert.equal(error.cause, cause);
    assert.equal(isConnectionClosed(error), true);
    assert.equal(isConnectionClosed(new RpcError(Code.Unavailable, "ttrpc: closed")), false);
  });
});
