import assert from "node:assert/strict";
import { listSystems } from "../../hcs/emulator/systems/reclaim.ts";
import { eachContainerd } from "../support/each-containerd.ts";
import { until } from "../support/until.ts";

eachContainerd("a utility VM that crashes", { oursOnly: true, tidy: true }, (containerd) => {
  /** Ends the process that stands for a VM. */
  async function crash(id: string): Promise<void> {
    const { emulatorDirectory } = containerd();
    const worker = await until("the VM's process", () => {
      const system = listSystems(emulatorDirectory).find((one) => one.id === `${id}@vm`);
      return system?.worker?.pid;
    });
    process.kill(worker, "SIGKILL");
  }

  it("ends every container of its pod, which is not ready any more and can be removed", async () => {
    using cri = await containerd().cri();
    const pod = await cri.runPod("lost");
    const containers = [await pod.start("first"), await pod.start("second")];
    await crash(pod.id);
    for (const container of containers) {
      const status = await container.untilExited();
      assert.notEqual(status.exitCode, 0);
    }
    await until("the pod not to be ready", async () => !(await pod.isReady()));
    await assert.rejects(containers[0]!.exec(["true"]));
    await pod.removePersistently();
    await containerd().untilNothingLeft();
  });

  it("leaves other pods alone", async () => {
    using cri = await containerd().cri();
    const [victim, bystander] = await Promise.all([cri.runPod("victim"), cri.runPod("bystander")]);
    const container = await bystander.start("main");
    await crash(victim.id);
    await until("the pod not to be ready", async () => !(await victim.isReady()));
    assert.equal((await container.exec(["echo", "fine"])).stdout, "fine\n");
    await victim.removePersistently();
    await bystander.remove();
  });

  it("ends a command that was running in it", async () => {
    using cri = await containerd().cri();
    const pod = await cri.runPod("interrupted");
    const container = await pod.start("main");
    const command = assert.rejects(async () => {
      const { code } = await container.exec(["sh", "-c", "echo up > /tmp/up; sleep 1000"]);
      throw new Error(`ended with ${code}`);
    });
    await until("the command", async () => (await container.exec(["test", "-e", "/tmp/up"])).code === 0);
    await crash(pod.id);
    await command;
    await pod.removePersistently();
  });

  it("gives a client of ctr the end of its task, and one exit event", async () => {
    const ctr = containerd().ctr();
    const events = await ctr.followEvents();
    const running = ctr.runAttached("alone", { args: ["sleep", "1000"] });
    await ctr.untilStatus("alone", "RUNNING");
    await crash("alone");
    assert.notEqual((await running.wait()).code, 0);
    await until("the event", () => events.output.includes("/tasks/delete"));
    assert.equal(
      events.output.split("\n").filter((line) => line.includes("/tasks/exit")).length,
      1,
      events.output,
    );
    events.kill();
    await containerd().untilNothingLeft();
    for (const id of await ctr.containers()) await ctr.deleteContainer(id);
  });
});
