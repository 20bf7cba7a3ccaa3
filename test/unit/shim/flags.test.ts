import assert from "node:assert/strict";
import { parseFlags, SHIM_FLAGS, shimFlags, UsageError } from "../../../shim/flags.ts";

const REQUIRED = [
  "-namespace",
  "k8s.io",
  "-address",
  "/run/c.sock",
  "-publish-binary",
  "/usr/bin/containerd",
  "-id",
  "web",
];

describe("parseFlags", () => {
  it("takes one dash or two, and values with a blank or an equals sign", () => {
    const { values } = parseFlags(["-namespace", "a", "--address", "b", "-id=c", "--bundle=d=e"], SHIM_FLAGS);
    assert.deepEqual(values, { namespace: "a", address: "b", id: "c", bundle: "d=e" });
  });

  it("stops at the action word", () => {
    const { switches, rest } = parseFlags(["-debug", "start", "-info"], SHIM_FLAGS);
    assert.deepEqual([[...switches], rest], [["debug"], ["start", "-info"]]);
  });

  it("takes true and false for a switch", () => {
    assert.ok(parseFlags(["-debug=true"], SHIM_FLAGS).switches.has("debug"));
    assert.ok(!parseFlags(["-debug=false"], SHIM_FLAGS).switches.has("debug"));
  });

  it("takes what looks like a flag as the value of one", () => {
    assert.equal(parseFlags(["-id", "-debug"], SHIM_FLAGS).values["id"], "-debug");
  });

  for (const [args, message] of [
    [["-colour", "red"], /not defined: -colour/],
    [["-id"], /needs an argument: -id/],
    [["-debug=maybe"], /invalid value "maybe" for flag -debug/],
  ] as const) {
    it(`refuses ${args.join(" ")}`, () => assert.throws(() => parseFlags(args, SHIM_FLAGS), message));
  }
});

describe("shimFlags", () => {
  it("reads what containerd passes", () => {
    const flags = shimFlags(parseFlags([...REQUIRED, "-debug", "start"], SHIM_FLAGS));
    assert.deepEqual(flags, {
      namespace: "k8s.io",
      address: "/run/c.sock",
      publishBinary: "/usr/bin/containerd",
      id: "web",
      bundle: undefined,
      debug: true,
    });
  });

  for (const missing of ["namespace", "address", "publish-binary", "id"]) {
    it(`requires ${missing}`, () => {
      const at = REQUIRED.indexOf(`-${missing}`);
      const args = REQUIRED.filter((_, index) => index !== at && index !== at + 1);
      assert.throws(
        () => shimFlags(parseFlags(args, SHIM_FLAGS)),
        new RegExp(`^UsageError: ${missing} is required$`),
      );
    });
  }

  for (const id of ["../x", "a/b", ".hidden", "a..b", "x".repeat(77)]) {
    it(`refuses the id ${id.slice(0, 10)}, which would be a path`, () => {
      const args = [...REQUIRED.slice(0, -1), id];
      assert.throws(() => shimFlags(parseFlags(args, SHIM_FLAGS)), UsageError);
    });
  }
});
