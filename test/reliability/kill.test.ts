import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deleteTask } from "../../shim/commands/delete.ts";
import { linuxReclaimers } from "../../shim/resources/linux-reclaimers.ts";
import { emulatorObstacle, EmulatorUnderTest } from "../contract/emulator-under-test.ts";
import { describePlace, preparePlaces, recordPlaces, type Place } from "../support/pod-life.ts";
import type { VictimOrder } from "../support/pod-life-victim.ts";
import { BRIEF, POD, SIBLING, VICTIM } from "../support/pod-scenario.ts";
import { NAMESPACE } from "../support/shim-under-test.ts";

const VICTIM_PROGRAM = join(import.meta.dirname, "../support/pod-life-victim.ts");

/** As many processes at once as the machine bears. */
const AT_ONCE = 3;

describe("a shim killed", function () {
  this.timeout(300_000);

  before(function () {
    const obstacle = emulatorObstacle();
    if (obstacle === undefined) return;
    console.log(`      skipped: ${obstacle}`);
    this.skip();
  });

  it("in any step of a pod's life leaves nothing that containerd's delete does not clean up", async () => {
    const waiting = await recordPlaces();
    const problems: string[] = [];
    const work = async (): Promise<void> => {
      for (let place = waiting.shift(); place !== undefined; place = waiting.shift()) {
        try {
          await dieAt(place);
        } catch (error) {
          problems.push(`${describePlace(place)}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    assert.deepEqual(problems, []);
  });
});

async function dieAt(place: Place): Promise<void> {
  const under = await EmulatorUnderTest.create();
  const places = await preparePlaces(under);
  const order: VictimOrder = {
    place,
    places,
    emulatorState: under.stateDirectory,
    workerCommand: under.command,
  };
  const victim = spawn(process.execPath, ["--import", "tsx", VICTIM_PROGRAM, JSON.stringify(order)], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, NODE_V8_COVERAGE: undefined },
  });
  const [code, signal] = (await once(victim, "exit")) as [number | null, string | null];
  assert.deepEqual([code, signal], [null, "SIGKILL"], "the shim was not killed");
  const config = join(under.directory, "runhcs.toml");
  writeFileSync(
    config,
    `state_directory = ${JSON.stringify(places.shimState)}\n[emulator]\nstate_directory = ${JSON.stringify(under.stateDirectory)}\n`,
  );
  // All tasks of a pod are cleaned up after at once, as containerd does.
  await Promise.all([POD, SIBLING, VICTIM, BRIEF].map((id) => cleanUp(id, join(places.bundles, id), config)));
  assert.equal(existsSync(places.shimState), false, "journals are left");
  await under.dispose();
}

async function cleanUp(id: string, bundle: string, config: string): Promise<void> {
  if (!existsSync(bundle)) return;
  const { remarks } = await deleteTask(
    { id, namespace: NAMESPACE, bundle, address: "", publishBinary: "", debug: false },
    {
      environment: { RUNHCS_CONFIG: config },
      reclaimers: (options) => Promise.resolve(linuxReclaimers(options.emulatorStateDirectory)),
      now: () => Date.now(),
    },
  );
  assert.deepEqual(remarks, []);
}
