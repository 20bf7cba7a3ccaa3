import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { eachContainerd } from "../support/each-containerd.ts";
import { CRI_NAMESPACE } from "../support/containerd.ts";
import { until } from "../support/until.ts";

/** Counts on standard output, so that its log shows what was lost. */
const TICKER = "i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.05; done";

eachContainerd("containerd killed and started again", { tidy: true }, (containerd) => {
  it("finds a running pod as it was: processes, address, exec, logs, statistics", async () => {
    const before = await containerd().cri();
    const pod = await before.runPod("survivor");
    const container = await pod.start("ticker", { command: ["sh", "-c", TICKER] });
    await until("the first ticks", async () => (await container.log()).length > 3);
    const startedAt = (await container.status()).startedAt;
    const address = (await pod.status()).network?.ip;
    const init = (await container.exec(["sh", "-c", "cat /proc/1/stat"])).stdout.split(" ")[21];

    await containerd().crashAndRestart();
    await before.ready();

    assert.equal(await pod.isReady(), true);
    assert.equal((await pod.status()).network?.ip, address);
    assert.equal(await container.state(), "running");
    assert.equal((await container.status()).startedAt, startedAt);
    // The same process: field 22 of its stat line is when it was started.
    assert.equal((await container.exec(["sh", "-c", "cat /proc/1/stat"])).stdout.split(" ")[21], init);
    const lines = (await container.log()).length;
    await until("the log to go on", async () => (await container.log()).length > lines + 3);
    await until(
      "statistics",
      async () => ((await container.stats()).cpu?.usageCoreNanoSeconds?.value ?? 0n) > 0n,
    );

    const another = await pod.start("newcomer", { command: ["sh", "-c", "exit 3"] });
    assert.equal((await another.untilExited()).exitCode, 3);
    await pod.remove();
    before.close();
  });

  it("loses no line of what was written while it was away", async () => {
    const cri = await containerd().cri();
    const pod = await cri.runPod("writer");
    const container = await pod.start("ticker", { command: ["sh", "-c", TICKER] });
    await until("the first ticks", async () => (await container.log()).length > 3);
    await containerd().end("SIGKILL");
    await containerd().launch();
    await cri.ready();
    const lines = (await container.log()).length;
    await until("the log to go on", async () => (await container.log()).length > lines + 3);
    const numbers = (await container.log()).map(({ text }) => Number(text.replace("tick ", "")));
    // containerd itself may lose what it had read from the pipe and not yet written to the file when it was killed.
    const gaps = numbers.filter((number, index) => index > 0 && number !== (numbers[index - 1] ?? 0) + 1);
    assert.ok(gaps.length <= 1, `numbers after gaps: ${gaps.join(" ")}`);
    await pod.remove();
    cri.close();
  });

  it("learns the exit status of a container that ended while it was away", async () => {
    const cri = await containerd().cri();
    const pod = await cri.runPod("absent-mind");
    const shared = `${containerd().directory}/go`;
    const script = "while [ ! -e /shared/now ]; do sleep 0.05; done; exit 42";
    await mkdir(shared);
    const container = await pod.start("ends", {
      command: ["sh", "-c", script],
      mounts: [{ from: shared, to: "/shared" }],
    });
    await containerd().end("SIGKILL");
    await writeFile(`${shared}/now`, "");
    await containerd().launch();
    await cri.ready();
    // containerd 1.7 and later asks for the pids of each task it finds. The Go shim has none to tell of one that has
    // ended, and containerd throws the task away with its status; ours still tells the first one's.
    const known = containerd().runtime.ours || containerd().installation.line === "1.6";
    assert.equal((await container.untilExited()).exitCode, known ? 42 : 255);
    await pod.remove();
    cri.close();
  });

  it("reports an exit once", async () => {
    const cri = await containerd().cri();
    const pod = await cri.runPod("once");
    const container = await pod.start("ticker", { command: ["sh", "-c", TICKER] });
    await containerd().crashAndRestart();
    await cri.ready();
    const events = await containerd().ctr(CRI_NAMESPACE).followEvents();
    try {
      await container.stop(0);
      await container.untilExited();
      await pod.remove();
      // The sandbox's own exit comes last and stands for all events before it.
      const exitsOf = (id: string): string[] =>
        events.output
          .split("\n")
          .filter((line) => line.includes("/tasks/exit") && line.includes(`"id":"${id}"`));
      await until("the exit of the sandbox", () => exitsOf(pod.id).length > 0);
      assert.equal(exitsOf(container.id).length, 1, events.output);
      assert.equal(exitsOf(pod.id).length, 1, events.output);
    } finally {
      events.kill();
    }
    cri.close();
  });

  it("finds a detached task of ctr, which then takes an exec, a signal and its deletion", async () => {
    const ctr = containerd().ctr();
    await ctr.runDetached("detached", {
      args: ["sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.05; done"],
    });
    const pid = (await ctr.tasks())[0]?.pid;
    await containerd().crashAndRestart();
    await ctr.untilStatus("detached", "RUNNING");
    assert.equal((await ctr.tasks())[0]?.pid, pid);
    assert.equal((await ctr.exec("detached", "after", ["echo", "fine"])).stdout.toString(), "fine\n");
    await ctr.kill("detached", "SIGTERM");
    await ctr.untilStatus("detached", "STOPPED");
    assert.equal(await ctr.deleteTask("detached"), 5);
    await ctr.deleteContainer("detached");
  });

  it("removes a pod it was killed under", async () => {
    const cri = await containerd().cri();
    const pod = await cri.runPod("doomed");
    await pod.start("idle");
    await containerd().crashAndRestart();
    await cri.ready();
    await pod.remove();
    assert.deepEqual(await cri.podIds(), []);
    cri.close();
  });
});
