import assert from "node:assert/strict";
import { BootstrapParams, Extension } from "../../../../protos/gen/bootstrap.ts";
import { Any } from "../../../../protos/gen/google.ts";
import { Options } from "../../../../protos/gen/runhcs.ts";
import { packAny } from "../../../../protos/any.ts";
import { decodeStartInput } from "../../../../shim/bootstrap/stdin.ts";

const FLAGS = { id: "web", namespace: "k8s.io" };
const OPTIONS = packAny(Options, { debug: true, sandboxIsolation: 1 });

describe("decodeStartInput", () => {
  it("finds no options in nothing", () => {
    assert.equal(decodeStartInput(new Uint8Array(0), FLAGS).options, undefined);
  });

  it("reads a bare Any, as containerd up to 2.2 sends it", () => {
    assert.deepEqual(decodeStartInput(Any.encode(OPTIONS), FLAGS).options, OPTIONS);
  });

  it("reads BootstrapParams of containerd 2.3", () => {
    const params = BootstrapParams.encode({
      instanceId: "web",
      namespace: "k8s.io",
      logLevel: -4,
      containerdVersion: "2.4.0",
      socketDir: "/run/containerd/s",
      extensions: [Extension.create({ value: OPTIONS })],
    });
    const input = decodeStartInput(params, FLAGS);
    assert.deepEqual(input, { options: OPTIONS, socketDirectory: "/run/containerd/s", debug: true });
  });

  it("takes BootstrapParams without options", () => {
    const params = BootstrapParams.encode({ instanceId: "web", namespace: "k8s.io" });
    assert.deepEqual(decodeStartInput(params, FLAGS), {
      options: undefined,
      socketDirectory: undefined,
      debug: false,
    });
  });

  it("does not take an Any for BootstrapParams of somebody else", () => {
    const any = Any.create({ typeUrl: "web", value: new Uint8Array([1]) });
    assert.deepEqual(decodeStartInput(Any.encode(any), FLAGS).options, any);
  });

  it("refuses what is neither", () => {
    assert.throws(
      () => decodeStartInput(new Uint8Array([0x0a, 0x7f, 0x01]), FLAGS),
      /cannot decode google\.protobuf\.Any/,
    );
  });
});
