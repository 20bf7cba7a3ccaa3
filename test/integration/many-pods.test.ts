import assert from "node:assert/strict";
import type { Cri } from "../support/cri.ts";
import { eachContainerd } from "../support/each-containerd.ts";
import { residents, takeLevels, untilBackAt } from "../support/idle-level.ts";
import { loadUnderTest } from "../support/load.ts";
import { shimsOf } from "../support/shim-process.ts";
import { until } from "../support/until.ts";

const { pods: PODS, looksAtMemory } = loadUnderTest();
/**
 * The keeper's processes are started by the first of them. Where memory is looked at, as many as are counted later: what they
 * have compiled code for and grown pools to is no leak, what as many again add is.
 */
const WARM_UP = looksAtMemory ? PODS : Math.ceil(PODS / 10);

eachContainerd("many pods", {}, (containerd) => {
  async function live(cri: Cri, names: readonly string[]): Promise<void> {
    const pods = await Promise.all(names.map((name) => cri.runPod(name)));
    const addresses = await Promise.all(pods.map(async (pod) => (await pod.status()).network?.ip));
    assert.equal(new Set(addresses).size, names.length, addresses.join(" "));

    const containers = await Promise.all(pods.map((pod) => pod.start("main")));
    const answers = await Promise.all(containers.map((container) => container.exec(["hostname"])));
    assert.deepEqual(
      answers.map(({ stdout }) => stdout.trim()),
      names,
    );

    await Promise.all(pods.map((pod) => pod.remove()));
    assert.deepEqual(await cri.podIds(), []);
  }

  it(`makes, uses and removes ${PODS} pods at once, and has then what it had before`, async function () {
    this.timeout(PODS * 20_000 + 180_000);
    const { nodeFile, address } = containerd();
    using cri = await containerd().cri();
    const named = (kind: string, count: number): string[] =>
      Array.from({ length: count }, (_, index) => `${kind}-${index}`);
    await live(cri, named("first", WARM_UP));
    const before = await takeLevels(residents(nodeFile), looksAtMemory);
    await live(cri, named("pod", PODS));
    await until("the processes of pods to end", () => shimsOf(address).length === 0, {
      timeoutMs: 60_000,
      state: () => `left are ${JSON.stringify(shimsOf(address))}`,
    });
    await untilBackAt(before);
  });
});
