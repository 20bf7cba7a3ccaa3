import assert from "node:assert/strict";
import { eachContainerd } from "../support/each-containerd.ts";
import { loadUnderTest } from "../support/load.ts";

const { pods: PODS } = loadUnderTest();

eachContainerd("many pods", {}, (containerd) => {
  it(`makes, uses and removes ${PODS} pods at once`, async function () {
    this.timeout(PODS * 10_000);
    using cri = await containerd().cri();
    const names = Array.from({ length: PODS }, (_, index) => `pod-${index}`);
    const pods = await Promise.all(names.map((name) => cri.runPod(name)));
    const addresses = await Promise.all(pods.map(async (pod) => (await pod.status()).network?.ip));
    assert.equal(new Set(addresses).size, PODS, addresses.join(" "));

    const containers = await Promise.all(pods.map((pod) => pod.start("main")));
    const answers = await Promise.all(containers.map((container) => container.exec(["hostname"])));
    assert.deepEqual(
      answers.map(({ stdout }) => stdout.trim()),
      names,
    );

    await Promise.all(pods.map((pod) => pod.remove()));
    assert.deepEqual(await cri.podIds(), []);
  });
});
