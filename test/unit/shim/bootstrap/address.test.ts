import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { pathOfAddress, shimAddress } from "../../../../shim/bootstrap/address.ts";

const INPUTS = { namespace: "k8s.io", group: "pod1", containerd: "/run/containerd/containerd.sock" };

describe("shimAddress", () => {
  it("is the digest that containerd's own shims use", () => {
    const digest = createHash("sha256").update("/run/containerd/containerd.sock/k8s.io/pod1").digest("hex");
    assert.equal(shimAddress(INPUTS, "linux").url, `unix:///run/containerd/s/${digest}`);
  });

  it("lies in the directory containerd names", () => {
    assert.match(
      shimAddress({ ...INPUTS, socketDirectory: "/run/x" }, "linux").url,
      /^unix:\/\/\/run\/x\/[0-9a-f]{64}$/,
    );
  });

  it("differs between pods, namespaces and containerds", () => {
    const all = [
      INPUTS,
      { ...INPUTS, group: "pod2" },
      { ...INPUTS, namespace: "moby" },
      { ...INPUTS, containerd: "/b" },
    ];
    assert.equal(new Set(all.map((inputs) => shimAddress(inputs, "linux").url)).size, 4);
  });

  it("is a protected pipe on Windows", () => {
    assert.equal(
      shimAddress(INPUTS, "win32").url,
      "\\\\.\\pipe\\ProtectedPrefix\\Administrators\\containerd-shim-k8s.io-pod1-pipe",
    );
  });
});

describe("pathOfAddress", () => {
  it("cuts the scheme off", () => {
    assert.equal(pathOfAddress("unix:///run/s/x"), "/run/s/x");
    assert.equal(pathOfAddress("\\\\.\\pipe\\x"), "\\\\.\\pipe\\x");
  });
});
