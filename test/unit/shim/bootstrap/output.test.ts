import assert from "node:assert/strict";
import { bootstrapOutput, bootstrapVersion } from "../../../../shim/bootstrap/output.ts";

const TASK_BUNDLE = "/run/containerd/io.containerd.runtime.v2.task/k8s.io/web";
const SANDBOX_BUNDLE = "/run/containerd/io.containerd.sandbox.controller.v1.shim/k8s.io/pod";

describe("bootstrapVersion", () => {
  for (const [option, bundle, expected] of [
    ["auto", TASK_BUNDLE, 2],
    ["auto", SANDBOX_BUNDLE, 3],
    ["v2", SANDBOX_BUNDLE, 2],
    ["v3", TASK_BUNDLE, 3],
  ] as const) {
    it(`${option} in a bundle of ${bundle.split("/")[3]} is ${expected}`, () => {
      assert.equal(bootstrapVersion(option, bundle), expected);
    });
  }
});

describe("bootstrapOutput", () => {
  const address = { url: "unix:///run/s/x", path: "/run/s/x" };

  it("is the bare address for version 2: containerd 1.6 takes nothing else", () => {
    assert.equal(bootstrapOutput(2, address), "unix:///run/s/x");
  });

  it("is JSON for version 3", () => {
    assert.deepEqual(JSON.parse(bootstrapOutput(3, address)), {
      version: 3,
      address: "unix:///run/s/x",
      protocol: "ttrpc",
    });
  });
});
