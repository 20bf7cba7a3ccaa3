/**
 * A shared process that is killed, with pods in every state, where its keeper lives: another process takes the pods over, and
 * whoever works with them does not notice.
 */
import assert from "node:assert/strict";
import { eachContainerd } from "../support/each-containerd.ts";
import type { RunningCommand } from "../support/command.ts";
import { findKeeper, hostingUnderTest, membersOf } from "../support/keeper.ts";
import { listProcesses, type ProcessFacts } from "../support/proc.ts";
import { hostOf } from "../support/shim-process.ts";
import { until } from "../support/until.ts";

const SIGKILLED = 137;
/** Of a process whose end nobody saw. */
const UNKNOWN_STATUS = 4_294_967_295;

if (hostingUnderTest() === "shared") {
  eachContainerd("a shared process that is killed", { oursOnly: true, tidy: true }, (containerd) => {
    /** Kills the process that has these tasks, and waits until another has them. */
    async function killHostOf(...ids: readonly string[]): Promise<void> {
      const hosts = new Set(ids.map((id) => hostOf(containerd(), id)));
      assert.equal(hosts.size, 1, "they share a process");
      for (const pid of hosts) process.kill(pid, "SIGKILL");
      await until("another process to have its pods", () =>
        ids.every((id) => !hosts.has(hostOf(containerd(), id))),
      );
    }

    const members = (): ProcessFacts[] => membersOf(containerd().nodeFile);
    const isReadyBut =
      (before: number) =>
      ({ pid, arguments: words }: ProcessFacts): boolean =>
        pid !== before && words.includes("ready");

    /** Another process than `before` has the task, and answers for it. */
    async function goesOn(id: string, before: number): Promise<boolean> {
      if (hostOf(containerd(), id) === before) return false;
      return (await containerd().ctr().exec(id, "alive", ["true"])).code === 0;
    }

    /** What containerd tells while `work` goes on. */
    async function withEvents(work: (events: RunningCommand) => Promise<void>): Promise<void> {
      const events = await containerd().ctr().followEvents();
      try {
        await work(events);
      } finally {
        events.kill();
        await events.ended;
      }
    }

    /** How often the end of a process was told, and its status. */
    function exitsOf(events: RunningCommand, id: string): number[] {
      return events.output
        .split("\n")
        .filter((line) => line.includes("/tasks/exit"))
        .map((line) => JSON.parse(line.slice(line.indexOf("{"))) as { id: string; exit_status?: number })
        .filter((exit) => exit.id === id)
        .map((exit) => exit.exit_status ?? 0);
    }

    it("leaves five running pods to another, and each exit is told once", async () => {
      const ctr = containerd().ctr();
      const ids = Array.from({ length: 5 }, (_, index) => `kept-${index}`);
      for (const id of ids) await ctr.runDetached(id, { args: ["sleep", "1000"] });
      const tasks = async (): Promise<unknown> =>
        (await ctr.tasks()).sort((one, other) => one.id.localeCompare(other.id));
      const before = await tasks();
      await withEvents(async (events) => {
        await killHostOf(...ids);
        assert.deepEqual(await tasks(), before);
        for (const id of ids) {
          const { code, stdout, stderr } = await ctr.exec(id, `probe-${id}`, ["echo", id]);
          assert.deepEqual([code, stdout.toString("utf8").trim()], [0, id], stderr);
        }
        for (const id of ids) await ctr.remove(id);
        const all = [...ids, ...ids.map((id) => `probe-${id}`)];
        await until("each exit to be told", () => all.every((id) => exitsOf(events, id).length > 0), {
          state: () => events.output,
        });
        assert.deepEqual(
          all.map((id) => [id, ...exitsOf(events, id)]),
          all.map((id) => [id, id.startsWith("probe") ? 0 : SIGKILLED]),
        );
      });
      await containerd().untilNothingLeft();
    });

    it("does so again and again", async () => {
      const ctr = containerd().ctr();
      await ctr.runDetached("tough", { args: ["sleep", "1000"] });
      for (const round of ["first", "second"]) {
        await killHostOf("tough");
        const { code, stdout } = await ctr.exec("tough", round, ["echo", round]);
        assert.deepEqual([code, stdout.toString("utf8").trim()], [0, round]);
      }
      await ctr.remove("tough");
    });

    it("loses neither input nor output nor the exit of a task whose client waits", async () => {
      const ctr = containerd().ctr();
      const running = ctr.runAttached("talk", {
        args: ["sh", "-c", "while read line; do echo got $line; done; exit 7"],
      });
      running.stdin.write("one\n");
      await until("the first answer", () => running.output.includes("got one"));
      await killHostOf("talk");
      running.stdin.end("two\n");
      const { code, stdout, stderr } = await running.wait();
      assert.deepEqual([code, stdout.toString("utf8")], [7, "got one\ngot two\n"], stderr);
    });

    it("keeps an exec whose client waits", async () => {
      const ctr = containerd().ctr();
      await ctr.runDetached("desk", { args: ["sleep", "1000"] });
      const running = ctr.start(
        ctr.execArguments("desk", "shell", ["sh", "-c", "echo ready; read line; echo got $line; exit 9"], {}),
      );
      await until("the exec to be ready", () => running.output.includes("ready"));
      await killHostOf("desk");
      running.stdin.end("word\n");
      const { code, stdout, stderr } = await running.wait();
      assert.deepEqual([code, stdout.toString("utf8")], [9, "ready\ngot word\n"], stderr);
      await ctr.remove("desk");
    });

    it("has the exits told that nobody was there to see", async () => {
      const ctr = containerd().ctr();
      await ctr.runDetached("brief", { args: ["sleep", "86413"] });
      const workload = listProcesses().find(
        ({ name, arguments: words }) => name === "sleep" && words.includes("86413"),
      );
      assert.ok(workload !== undefined);
      await withEvents(async (events) => {
        process.kill(hostOf(containerd(), "brief"), "SIGKILL");
        process.kill(workload.pid, "SIGKILL");
        await ctr.untilStatus("brief", "STOPPED");
        await until("the exit to be told", () => exitsOf(events, "brief").length > 0);
        await ctr.invoke(["tasks", "delete", "brief"]);
        await ctr.deleteContainer("brief");
        assert.deepEqual(exitsOf(events, "brief"), [SIGKILLED]);
      });
      await containerd().untilNothingLeft();
    });

    it("ends what cannot be found again, once", async () => {
      const ctr = containerd().ctr();
      const annotations = { "io.containerd.runhcs.boundary.level": "no-data-smb" };
      await ctr.runDetached("disks", { args: ["sleep", "1000"], annotations });
      await withEvents(async (events) => {
        await killHostOf("disks");
        await ctr.untilStatus("disks", "STOPPED");
        await until("the exit to be told", () => exitsOf(events, "disks").length > 0);
        await ctr.invoke(["tasks", "delete", "disks"]);
        await ctr.deleteContainer("disks");
        assert.deepEqual(exitsOf(events, "disks"), [UNKNOWN_STATUS]);
      });
      await containerd().untilNothingLeft();
    });

    for (const [when, isThere] of [
      ["at once", () => true],
      ["when another process boots", (before: number) => members().some(({ pid }) => pid !== before)],
      ["when another process has booted", (before: number) => members().some(isReadyBut(before))],
    ] as const) {
      it(`has the exit told once when the keeper is killed, too, ${when}`, async () => {
        const ctr = containerd().ctr();
        await ctr.runDetached("torn", { args: ["sleep", "1000"] });
        const host = hostOf(containerd(), "torn");
        const keeper = await until("a keeper", () => findKeeper(containerd().nodeFile));
        await withEvents(async (events) => {
          process.kill(host, "SIGKILL");
          await until("the moment", () => isThere(host));
          process.kill(keeper, "SIGKILL");
          // Either it goes on in another process, or containerd gives it up: both are in order.
          await until(
            "the pod to go on, or to end",
            async () => exitsOf(events, "torn").length > 0 || (await goesOn("torn", host)),
          );
          await ctr.invoke(["tasks", "delete", "--force", "torn"]);
          await until("the exit to be told", () => exitsOf(events, "torn").length > 0);
          await ctr.deleteContainer("torn");
          assert.equal(exitsOf(events, "torn").length, 1, events.output);
        });
        await containerd().untilNothingLeft();
      });
    }

    it("leaves a pod of Kubernetes with its containers and its network to another", async () => {
      const cri = await containerd().cri();
      try {
        const pod = await cri.runPod("pair", {});
        const web = await pod.start("web", { command: ["sleep", "1000"] });
        const namespaced = { directory: containerd().directory, namespace: "k8s.io" };
        const host = hostOf(namespaced, pod.id);
        process.kill(host, "SIGKILL");
        await until("another process to have the pod", () => hostOf(namespaced, pod.id) !== host);
        assert.equal(await pod.isReady(), true);
        assert.equal(await web.state(), "running");
        assert.deepEqual(await web.exec(["echo", "alive"]), { code: 0, stdout: "alive\n", stderr: "" });
        const other = await pod.start("late", { command: ["sleep", "1000"] });
        assert.deepEqual(await other.exec(["echo", "new"]), { code: 0, stdout: "new\n", stderr: "" });
        await pod.remove();
        await containerd().untilNothingLeft();
      } finally {
        cri.close();
      }
    });
  });
}
