import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { Recording } from "../../hcs/trace/recorder.ts";
import { Replay } from "../../hcs/trace/replay.ts";
import { emulatorObstacle, EmulatorUnderTest } from "../contract/emulator-under-test.ts";
import { MemorySink } from "../support/memory-sink.ts";
import { preparePlaces } from "../support/pod-life.ts";
import { PodScenario } from "../support/pod-scenario.ts";
import { ShimUnderTest } from "../support/shim-under-test.ts";

describe("the recording of a pod's life", function () {
  this.timeout(60_000);

  before(function () {
    const obstacle = emulatorObstacle();
    if (obstacle === undefined) return;
    console.log(`      skipped: ${obstacle}`);
    this.skip();
  });

  it("leads the shim through the same life without an emulator", async () => {
    const under = await EmulatorUnderTest.create();
    const places = await preparePlaces(under);
    const sink = new MemorySink();
    const live = async (backend: typeof under.backend) => {
      const shim = await ShimUnderTest.create({ backend, stateDirectory: places.shimState });
      const scenario = new PodScenario({ client: shim.client, ...places });
      await scenario.run();
      await shim.close();
      return {
        answers: scenario.answers.map(({ call, error }) => [call, error?.message]),
        events: shim.events,
      };
    };
    const first = await live(new Recording(sink).of(under.backend));
    await under.dispose();

    mkdirSync(places.bundles, { recursive: true });
    const replay = new Replay(sink.text, { patienceMs: 5000 });
    const second = await live(replay.backend());
    assert.deepEqual(second, first);
    await replay.finish();
    assert.equal(existsSync(places.shimState), false);
    rmSync(dirname(under.directory), { recursive: true });
  });
});
