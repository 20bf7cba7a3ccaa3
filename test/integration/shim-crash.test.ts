import assert from "node:assert/strict";
import { majorOf } from "../support/containerd-config.ts";
import { eachContainerd } from "../support/each-containerd.ts";
import { isAlive } from "../support/proc.ts";
import { findShim } from "../support/shim-process.ts";
import { until } from "../support/until.ts";

eachContainerd("the shim killed", { tidy: true, ownProcesses: true }, (containerd) => {
  /**
   * The Go shim of containerd 2.x answers `start` with version 3: containerd then runs `delete` for the sandbox alone,
   * and the containers' processes go on. That is theirs.
   */
  const leavesContainers = (): boolean =>
    !containerd().runtime.ours && majorOf(containerd().installation.version) >= 2;

  it("has containerd clean up a task of ctr: no process, mount, cgroup or bundle is left", async () => {
    const ctr = containerd().ctr();
    await ctr.runDetached("orphan", { args: ["sleep", "1000"] });
    const shim = await findShim(containerd().address, "orphan");
    process.kill(shim, "SIGKILL");
    await until("the shim's end", () => !isAlive(shim));
    await until("the task to be forgotten", async () => (await ctr.status("orphan")) === undefined);
    await containerd().untilNothingLeft();
    await ctr.deleteContainer("orphan");
    assert.equal((await ctr.run("orphan", { args: ["sh", "-c", "exit 4"] })).code, 4);
  });

  it("ends the containers of a pod, which is not ready any more and can be removed", async function () {
    if (leavesContainers()) this.skip();
    using cri = await containerd().cri();
    const pod = await cri.runPod("orphans");
    const first = await pod.start("first");
    const second = await pod.start("second");
    const shim = await findShim(containerd().address, pod.id);
    process.kill(shim, "SIGKILL");
    for (const container of [first, second]) {
      const { exitCode } = await container.untilExited();
      assert.notEqual(exitCode, 0);
    }
    await until("the pod not to be ready", async () => !(await pod.isReady()));
    await pod.removePersistently();
    await containerd().untilNothingLeft();
    assert.deepEqual(await cri.podIds(), []);

    const next = await cri.runPod("orphans");
    assert.equal((await (await next.start("first")).exec(["echo", "fine"])).stdout, "fine\n");
    await next.remove();
  });

  it("leaves other pods alone", async () => {
    using cri = await containerd().cri();
    const [victim, bystander] = await Promise.all([cri.runPod("victim"), cri.runPod("bystander")]);
    const container = await bystander.start("main");
    process.kill(await findShim(containerd().address, victim.id), "SIGKILL");
    await until("the pod not to be ready", async () => !(await victim.isReady()));
    assert.equal(await bystander.isReady(), true);
    assert.equal((await container.exec(["echo", "fine"])).stdout, "fine\n");
    await victim.removePersistently();
    await bystander.remove();
  });

  it("answers a client that was waiting", async () => {
    const ctr = containerd().ctr();
    const running = ctr.runAttached("watched", { args: ["sleep", "1000"] });
    await ctr.untilStatus("watched", "RUNNING");
    process.kill(await findShim(containerd().address, "watched"), "SIGKILL");
    assert.notEqual((await running.wait()).code, 0);
    await until("the task to be forgotten", async () => (await ctr.status("watched")) === undefined);
    await containerd().untilNothingLeft();
    for (const id of await ctr.containers()) await ctr.deleteContainer(id);
  });

  it("is cleaned up after by a containerd that was away itself", async function () {
    if (leavesContainers()) this.skip();
    using cri = await containerd().cri();
    const pod = await cri.runPod("both-gone");
    const container = await pod.start("main");
    const shim = await findShim(containerd().address, pod.id);
    await containerd().end("SIGKILL");
    process.kill(shim, "SIGKILL");
    await until("the shim's end", () => !isAlive(shim));
    await containerd().launch();
    await cri.ready();
    assert.equal(await container.state(), "exited");
    assert.equal(await pod.isReady(), false);
    await pod.removePersistently();
    await containerd().untilNothingLeft();
  });
});
