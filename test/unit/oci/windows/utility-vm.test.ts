import assert from "node:assert/strict";
import { findUtilityVm } from "../../../../oci/windows/utility-vm.ts";
import { LayerStore } from "./layer-store.ts";

const LAYERS = ["C:\\L\\3", "C:\\L\\2", "C:\\L\\1"];
const SCRATCH = "C:\\L\\X\\vm\\sandbox.vhdx";

const withVm = (store: LayerStore, layer: string): LayerStore =>
  store.add(`${layer}\\UtilityVM\\Files\\`).add(`${layer}\\UtilityVM\\SystemTemplate.vhdx`);

describe("findUtilityVm", () => {
  it("takes that of the uppermost layer which has one", async () => {
    const store = withVm(withVm(new LayerStore(), "C:\\L\\1"), "C:\\L\\2");
    assert.equal(await findUtilityVm(LAYERS, store, { scratch: SCRATCH }), "C:\\L\\2\\UtilityVM");
  });

  it("passes by folders that no VM could boot from", async () => {
    const store = withVm(new LayerStore(), "C:\\L\\1")
      .add("C:\\L\\2\\UtilityVM\\UtilityVM.vhdx")
      .add("C:\\L\\3\\UtilityVM\\Files\\");
    assert.equal(await findUtilityVm(LAYERS, store, { scratch: SCRATCH }), "C:\\L\\1\\UtilityVM");
  });

  it("needs no template for a scratch that was made already", async () => {
    const store = new LayerStore().add("C:\\L\\3\\UtilityVM\\Files\\").add(SCRATCH);
    assert.equal(await findUtilityVm(LAYERS, store, { scratch: SCRATCH }), "C:\\L\\3\\UtilityVM");
  });

  it("takes the folder that the spec names, and no other", async () => {
    const store = withVm(new LayerStore(), "C:\\L\\1")
      .add("D:\\vm\\Files\\")
      .add("D:\\vm\\SystemTemplate.vhdx");
    const search = { scratch: SCRATCH, explicit: "D:\\vm" };
    assert.equal(await findUtilityVm(LAYERS, store, search), "D:\\vm");
    await assert.rejects(findUtilityVm(LAYERS, store, { ...search, explicit: "D:\\no" }), {
      refusal: "failed precondition",
      message: /invalid \/windows\/hyperv\/utilityVMPath: .*D:\\no is not there/,
    });
  });

  it("tells every folder it looked at, and what it lacks", async () => {
    const store = new LayerStore().add("C:\\L\\2\\UtilityVM\\x").add("C:\\L\\1\\UtilityVM\\Files\\");
    await assert.rejects(findUtilityVm(LAYERS, store, { scratch: SCRATCH }), {
      refusal: "failed precondition",
      message:
        /C:\\L\\3\\UtilityVM is not there; C:\\L\\2\\UtilityVM has no Files; C:\\L\\1\\UtilityVM has no SystemTemplate\.vhdx, and C:\\L\\X\\vm\\sandbox\.vhdx was not made yet$/,
    });
    await assert.rejects(findUtilityVm([], store, { scratch: SCRATCH }), /there are no layers/);
  });
});
