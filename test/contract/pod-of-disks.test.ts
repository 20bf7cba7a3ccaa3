/** A pod whose containers have layers and scratch of their own as disks, from its first request to its last. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { listLoopDevices } from "../../hcs/emulator/storage/loop-devices.ts";
import { Mount } from "../../protos/gen/types.ts";
import { appendVhdFooter, makeBlankImage, makeExt4Of } from "../support/disk-image.ts";
import { PodLife } from "../support/pod-life.ts";
import { emulatorObstacle } from "./emulator-under-test.ts";

function layerMounts(rootfs: string, bundle: string): Mount[] {
  const scratch = join(bundle, "scratch");
  mkdirSync(scratch);
  appendVhdFooter(makeExt4Of(join(bundle, "layer.vhd"), rootfs, 64));
  makeBlankImage(join(scratch, "sandbox.vhdx"), 32);
  const options = [`parentLayerPaths=${JSON.stringify([bundle])}`];
  return [Mount.create({ type: "lcow-layer", source: scratch, options })];
}

describe("a pod of lcow-layer mounts", function () {
  this.timeout(60_000);

  it("lives on disks, and leaves none of them", async function () {
    if (emulatorObstacle() !== undefined) this.skip();
    let most = 0;
    const life = await PodLife.create(
      () => (step, work) => {
        const own = listLoopDevices().filter(({ image }) => image.includes(life.under.stateDirectory));
        most = Math.max(most, own.length);
        return work(step.signal);
      },
      {},
      { mountsOf: layerMounts },
    );
    await life.scenario.run();
    assert.deepEqual(life.scenario.refused(), []);
    // At least a layer and a scratch.
    assert.ok(most >= 2, `at most ${most} disks were seen`);
    await life.end();
  });
});
