import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { emulatorObstacle, EmulatorUnderTest } from "../contract/emulator-under-test.ts";
import { PodClient } from "../support/pod-client.ts";
import { preparePlaces, type Places } from "../support/pod-life.ts";
import { ShimUnderTest } from "../support/shim-under-test.ts";
import { until } from "../support/until.ts";

const CYCLES = 50;
const PODS_IN_SEQUENCE = 50;
const PODS_AT_ONCE = 20;

/** Sockets of connections that just ended are closed a turn later. */
function descriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

describe("one shim process", function () {
  this.timeout(300_000);
  let under: EmulatorUnderTest;
  let places: Places;
  let shim: ShimUnderTest;
  let before_: number;

  before(function () {
    const obstacle = emulatorObstacle();
    if (obstacle === undefined) return;
    console.log(`      skipped: ${obstacle}`);
    this.skip();
  });

  beforeEach(async () => {
    under = await EmulatorUnderTest.create();
    places = await preparePlaces(under);
    shim = await ShimUnderTest.create({ backend: under.backend, stateDirectory: places.shimState });
    // What is loaded and opened once is no leak.
    const first = await podOn(places.network, "first");
    await first.end("first");
    before_ = descriptors();
  });

  afterEach(async () => {
    await until("descriptors to be closed", () => descriptors() <= before_, {
      state: () => `${before_} before, ${descriptors()} now`,
    });
    assert.equal(existsSync(places.shimState), false, "journals are left");
    await shim.close();
    await under.dispose();
  });

  async function podOn(network: string, id: string): Promise<PodClient> {
    const pod = new PodClient(id, { client: shim.client, ...places, network });
    assert.ok(await pod.startSandbox(), pod.refused().join("\n"));
    return pod;
  }

  it(`kills and restarts each container of a pod ${CYCLES} times, its siblings untouched`, async () => {
    const pod = await podOn(places.network, "pod");
    const ids = ["a", "b", "c"];
    const pids = new Map<string, number | undefined>();
    const restart = async (id: string): Promise<void> => {
      await pod.create(id);
      pids.set(id, await pod.start(id));
    };
    for (const id of ids) await restart(id);
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      for (const id of ids) {
        await pod.end(id);
        await restart(id);
      }
    }
    for (const id of ids) {
      const state = (await pod.call("State", { id })) as { pid: number } | undefined;
      assert.equal(state?.pid, pids.get(id));
      assert.equal(await pod.execute(id, "look", ["true"]), 0);
    }
    for (const id of [...ids, "pod"]) await pod.end(id);
    assert.deepEqual(pod.refused(), []);
    const exits = shim.events.filter(({ name, container }) => name === "TaskExit" && ids.includes(container));
    // The commands that looked whether all is well have exits too.
    assert.equal(exits.length, ids.length * (CYCLES + 1) + ids.length);
  });

  it(`makes and removes ${PODS_IN_SEQUENCE} pods one after the other`, async () => {
    for (let number = 0; number < PODS_IN_SEQUENCE; number++) {
      const pod = await podOn(places.network, `p${number}`);
      await pod.end(`p${number}`);
      assert.deepEqual(pod.refused(), []);
    }
  });

  it(`makes and removes ${PODS_AT_ONCE} pods at once`, async () => {
    const networks = await Promise.all(Array.from({ length: PODS_AT_ONCE }, () => under.makeNetwork()));
    const pods = await Promise.all(networks.map(({ reference }, number) => podOn(reference, `p${number}`)));
    await Promise.all(
      pods.map(async (pod) => {
        const workload = `${pod.id}-w`;
        await pod.create(workload);
        await pod.start(workload);
        assert.equal(await pod.execute(workload, "look", ["true"]), 0, pod.refused().join("\n"));
        await pod.end(workload);
        await pod.end(pod.id);
      }),
    );
    assert.deepEqual(
      pods.flatMap((pod) => pod.refused()),
      [],
    );
  });
});
