import assert from "node:assert/strict";
import { ScriptedBackend } from "../../../../../hcs/scripted/backend.ts";
import { Recorder } from "../../../../../hcs/scripted/recorder.ts";
import { readSpec } from "../../../../../oci/spec.ts";
import type { ImageLayers } from "../../../../../oci/windows/layers.ts";
import { ensureScratch, mountedByClient, requestedLayers } from "../../../../../shim/pod/windows/layers.ts";

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

describe("requestedLayers", () => {
  const request = (...options: readonly string[]) => ({
    rootfs: [{ type: "windows-layer", source: "C:\\store\\c1", target: "", options }],
    spec: readSpec({ ociVersion: "1.0.2", windows: {} }),
  });
  const filesOf = (...files: readonly { path: string; content?: string }[]) =>
    new ScriptedBackend({ windowsBuild: 20348, hostProcessors: 1, vmRuntimeId: "" }, files, new Recorder())
      .files;

  it("takes the parents that are named, whatever a store says", async () => {
    const files = filesOf({ path: "C:\\store\\c1\\layerchain.json", content: "nonsense" });
    const layers = await requestedLayers(request('parentLayerPaths=["C:\\\\l1"]'), files, NEVER);
    assert.deepEqual(layers, { kind: "folders", scratch: "C:\\store\\c1", parents: ["C:\\l1"] });
  });

  it("asks the scratch for its parents when none are named", async () => {
    const files = filesOf(
      { path: "C:\\store\\c1\\layerchain.json", content: '["C:\\\\store\\\\base"]' },
      { path: "C:\\store\\base\\Files\\file" },
      { path: "C:\\store\\base\\blank.vhdx" },
    );
    const layers = await requestedLayers(request(), files, NEVER);
    assert.deepEqual(layers, { kind: "folders", scratch: "C:\\store\\c1", parents: ["C:\\store\\base"] });
  });

  it("refuses a scratch that nobody knows the parents of", async () => {
    await assert.rejects(requestedLayers(request(), filesOf(), NEVER), {
      name: "SpecError",
      refusal: "failed precondition",
      message: /layerchain\.json of "C:\\store\\c1": must be there/,
    });
  });
});
