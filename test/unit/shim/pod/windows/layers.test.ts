import assert from "node:assert/strict";
import type { ImageLayers } from "../../../../../oci/windows/layers.ts";
import { ensureScratch, mountedByClient } from "../../../../../shim/pod/windows/layers.ts";

const NEVER = new AbortController().signal;
const ID = "50100000-04d5-4850-8151-ad50d0151850";
const CIMS: ImageLayers = {
  kind: "forked-cims",
  scratch: "C:\\snap\\c1",
  parents: [{ folder: "C:\\l1", cim: "C:\\l1.cim" }],
};

describe("mountedByClient", () => {
  it("has the volume of a root made of CIMs as its one layer", () => {
    assert.deepEqual(mountedByClient(`\\\\?\\Volume{${ID}}`, CIMS).layers, [
      { Id: ID, Path: `\\\\?\\Volume{${ID}}\\` },
    ]);
  });

  it("refuses a root made of CIMs that is no volume", () => {
    assert.throws(() => mountedByClient("c:\\mounts\\mine", CIMS), { name: "SpecError" });
  });
});

describe("ensureScratch", () => {
  const host = {
    name: "emulator",
    files: { stat: async () => undefined, makeDirectory: async () => undefined },
  };

  it("fails clearly where the disk is missing and the host cannot make one", async () => {
    await assert.rejects(ensureScratch(host, "C:\\snap\\view", [], NEVER), {
      code: "HOST_UNFIT",
      message: /C:\\snap\\view.*emulator.*sandbox\.vhdx/,
    });
  });

  it("leaves a disk alone that is there", async () => {
    const files = { ...host.files, stat: async () => ({ kind: "file" as const, size: 1 }) };
    await ensureScratch({ ...host, files }, "C:\\snap\\c1", [], NEVER);
  });
});
