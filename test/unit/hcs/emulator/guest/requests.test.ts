import assert from "node:assert/strict";
import { GuestError } from "../../../../../hcs/emulator/guest/errors.ts";
import {
  DOCUMENT,
  parseText,
  readBase,
  readShape,
  readText,
  REQUEST,
  SETTINGS,
} from "../../../../../hcs/emulator/guest/requests.ts";

function isInvalidJson(pattern: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof GuestError &&
    error.hresult === 0xc037010d &&
    pattern.test(`${error.message}: ${String(error.cause)}`);
}

describe("readBase", () => {
  it("reads the members of every request, and fills in zeros", () => {
    assert.deepEqual(readBase({ ContainerId: "c", ActivityId: "a", Other: 1 }), {
      containerId: "c",
      activityId: "a",
    });
    assert.deepEqual(readBase({}), { containerId: "", activityId: undefined });
  });

  it("refuses what is no object, and members of the wrong type", () => {
    assert.throws(() => readBase([]), isInvalidJson(/cannot read request.*expected an object/));
    assert.throws(() => readBase({ ContainerId: 1 }), isInvalidJson(/ContainerId is 1, expected a string/));
  });
});

describe("parseText", () => {
  it("names what it could not read", () => {
    assert.throws(() => parseText("{", "Query"), isInvalidJson(/cannot read Query: SyntaxError/));
  });
});

describe("readShape", () => {
  it("leaves unknown members out, and absent ones undefined", () => {
    assert.deepEqual(readShape(REQUEST.waitForProcess, { ProcessId: 7, Extra: {} }, "x"), { ProcessId: 7 });
  });

  for (const [name, value] of [
    ["resizeConsole", { Height: 65536 }],
    ["waitForProcess", { TimeoutInMs: -1 }],
    ["signalProcess", { Options: { Signal: "CtrlC" } }],
    ["executeProcess", { Settings: { VsockStdioRelaySettings: { StdIn: "guid" } } }],
  ] as const) {
    it(`refuses ${name} of ${JSON.stringify(value)}`, () => {
      assert.throws(() => readShape(REQUEST[name] as never, value, "x"), isInvalidJson(/./));
    });
  }
});

describe("readText", () => {
  it("passes an OCI specification on whole, with integers of 64 bits", () => {
    const text = '{"OciSpecification":{"x":{"limit":18446744073709551615}},"OciBundlePath":"/b"}';
    const config = readText(DOCUMENT.containerConfig, text, "ContainerConfig");
    assert.deepEqual(config, { OciSpecification: { x: { limit: 2n ** 64n - 1n } }, OciBundlePath: "/b" });
  });

  it("refuses a missing text", () => {
    assert.throws(
      () => readText(DOCUMENT.propertyQuery, undefined, "Query"),
      isInvalidJson(/cannot read Query/),
    );
  });

  it("reads settings with zero members left out", () => {
    assert.deepEqual(readShape(SETTINGS.mappedDirectory, { MountPath: "/m", ReadOnly: null }, "x"), {
      MountPath: "/m",
    });
  });
});
