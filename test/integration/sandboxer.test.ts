import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Handler } from "../support/containerd-config.ts";
import type { Cri, Pod, PodContainer } from "../support/cri.ts";
import { eachContainerd } from "../support/each-containerd.ts";
import { until } from "../support/until.ts";

/** The Sandbox API came with containerd 2.0; no options table with it before 2.3, which no Debian suite has yet. */
const LINES = ["2.1"];

function configure({ runtime }: { runtime: { type: string } }): { handlers: [Handler, ...Handler[]] } {
  const common = { runtimeType: runtime.type, sandboxer: "shim" } as const;
  return {
    handlers: [
      { name: "sandboxed", ...common },
      { name: "streaming", ...common, ioType: "streaming" },
    ],
  };
}

eachContainerd("sandboxes managed by the shim", { lines: LINES, oursOnly: true, configure }, (containerd) => {
  let cri: Cri;

  before(async () => {
    cri = await containerd().cri();
  });

  after(() => {
    cri.close();
  });

  for (const handler of ["sandboxed", "streaming"]) {
    describe(`with handler ${handler}`, () => {
      let pod: Pod;
      let container: PodContainer;

      before(async () => {
        pod = await cri.runPod(`pod-${handler}`, {
          handler,
          hostname: `host-${handler}`,
          dns: { servers: ["192.0.2.53"] },
        });
        container = await pod.start("main", {
          command: ["sh", "-c", "echo started; echo problem >&2; exec sleep 100000"],
        });
      });

      after(async () => {
        await pod.remove();
        await containerd().untilNothingLeft();
      });

      it("speaks version 3 with containerd", () => {
        const bundle = join(
          containerd().directory,
          "state/io.containerd.sandbox.controller.v1.shim/k8s.io",
          pod.id,
        );
        const bootstrap = JSON.parse(readFileSync(join(bundle, "bootstrap.json"), "utf8")) as {
          version: number;
        };
        assert.equal(bootstrap.version, 3);
      });

      it("is ready, with an address of the pod network", async () => {
        assert.equal(await pod.isReady(), true);
        const { network } = await pod.status();
        assert.ok(network?.ip.startsWith(`${containerd().network.prefix}.`), network?.ip);
        const addresses = (await container.exec(["ip", "-4", "address", "show", "eth0"])).stdout;
        assert.match(addresses, new RegExp(`inet ${network?.ip}/24`));
      });

      it("has the host name and the name servers it was given", async () => {
        const result = await container.exec(["sh", "-c", "hostname; cat /etc/resolv.conf"]);
        assert.match(result.stdout, new RegExp(`^host-${handler}\n`));
        assert.match(result.stdout, /^nameserver 192\.0\.2\.53$/m);
      });

      it("gives standard output, standard error and the exit status of a command", async () => {
        const result = await container.exec(["sh", "-c", "echo out; echo err >&2; exit 9"]);
        assert.deepEqual(result, { code: 9, stdout: "out\n", stderr: "err\n" });
      });

      it("gives large output whole", async () => {
        const result = await container.exec(["seq", "1", "200000"]);
        assert.equal(result.stdout.split("\n").length, 200_001);
        assert.ok(result.stdout.endsWith("\n200000\n"));
      });

      it("logs both streams", async () => {
        const log = await until("both lines", async () => {
          const lines = await container.log();
          return lines.length >= 2 && lines;
        });
        assert.deepEqual(
          log.sort((one, other) => one.stream.localeCompare(other.stream)),
          [
            { stream: "stderr", text: "problem" },
            { stream: "stdout", text: "started" },
          ].sort((one, other) => one.stream.localeCompare(other.stream)),
        );
      });

      it("has statistics", async () => {
        await until(
          "cpu time",
          async () => ((await container.stats()).cpu?.usageCoreNanoSeconds?.value ?? 0n) > 0n,
        );
      });

      it("goes on with one container while the other ends and is started again", async () => {
        for (const attempt of [0, 1]) {
          const second = await pod.start("second", { command: ["sh", "-c", "exit 7"], attempt });
          assert.equal((await second.untilExited()).exitCode, 7);
          await second.remove();
        }
        assert.equal(await container.state(), "running");
      });

      it("is as it was when containerd was killed and started again", async () => {
        const { startedAt } = await container.status();
        await containerd().crashAndRestart();
        await cri.ready();
        assert.equal(await pod.isReady(), true);
        assert.equal((await container.status()).startedAt, startedAt);
        assert.equal((await container.exec(["echo", "fine"])).stdout, "fine\n");
        const late = await pod.start("late", { command: ["sh", "-c", "echo late; exit 3"] });
        assert.equal((await late.untilExited()).exitCode, 3);
        await until("its line", async () => (await late.log()).some(({ text }) => text === "late"));
        await late.remove();
      });
    });
  }

  it("ends a container within its grace period and the pod after it", async () => {
    const pod = await cri.runPod("graceful", { handler: "sandboxed" });
    const script = "trap 'exit 17' TERM; echo up; while :; do sleep 0.05; done";
    const container = await pod.start("polite", { command: ["sh", "-c", script] });
    await until("the trap", async () => (await container.log()).some(({ text }) => text === "up"));
    await container.stop(30);
    assert.equal((await container.untilExited()).exitCode, 17);
    await pod.stop();
    assert.equal(await pod.isReady(), false);
    await pod.remove();
    await containerd().untilNothingLeft();
  });
});

eachContainerd(
  "version 3 for every task",
  { lines: LINES, oursOnly: true, configure: () => ({ nodeSettings: { bootstrap: "v3" } }) },
  (containerd) => {
    it("runs pods whose sandbox containerd manages", async () => {
      using cri = await containerd().cri();
      const pod = await cri.runPod("classic");
      const bundle = join(containerd().directory, "state/io.containerd.runtime.v2.task/k8s.io", pod.id);
      assert.equal(
        (JSON.parse(readFileSync(join(bundle, "bootstrap.json"), "utf8")) as { version: number }).version,
        3,
      );
      const first = await pod.start("first");
      const second = await pod.start("second", { command: ["sh", "-c", "exit 5"] });
      assert.equal((await second.untilExited()).exitCode, 5);
      assert.equal((await first.exec(["echo", "fine"])).stdout, "fine\n");
      await containerd().crashAndRestart();
      await cri.ready();
      assert.equal((await first.exec(["echo", "fine"])).stdout, "fine\n");
      await pod.remove();
      await containerd().untilNothingLeft();
    });

    it("runs tasks of ctr", async () => {
      const ctr = containerd().ctr();
      const result = await ctr.run("task", { args: ["sh", "-c", "echo out; exit 3"] });
      assert.deepEqual([result.code, result.stdout.toString()], [3, "out\n"]);
      await containerd().untilNothingLeft();
    });
  },
);
