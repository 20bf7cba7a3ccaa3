import assert from "node:assert/strict";
import { foldersOfOverlay } from "../../../../oci/windows/overlay-layers.ts";

const mount = (type: string, ...options: string[]) => ({ type, source: type, target: "", options });

describe("foldersOfOverlay", () => {
  it("takes the writable directory for the scratch and the others for layers, uppermost first", () => {
    const overlay = mount("overlay", "index=off", "workdir=/w", "upperdir=/up", "lowerdir=/a:/b\\:c:/d");
    assert.deepEqual(foldersOfOverlay(overlay), {
      type: "windows-layer",
      source: "/up",
      target: "",
      options: ['parentLayerPaths=["/a","/b:c","/d"]'],
    });
  });

  for (const other of [
    mount("bind", "ro"),
    mount("overlay", "lowerdir=/a:/b"),
    mount("windows-layer", 'parentLayerPaths=["C:\\\\1"]'),
  ])
    it(`leaves ${JSON.stringify(other)} alone`, () => assert.equal(foldersOfOverlay(other), other));
});
