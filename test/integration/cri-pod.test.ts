import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { status as GrpcStatus } from "@grpc/grpc-js";
import { findStaticBusybox } from "../../scripts/setup/requirements.ts";
import { mustRun } from "../support/command.ts";
import type { ContainerOptions, Cri, Pod, PodContainer } from "../support/cri.ts";
import { eachContainerd } from "../support/each-containerd.ts";
import { until } from "../support/until.ts";

/** Serves one page on port 8080. */
const WEB: ContainerOptions = {
  command: ["sh", "-c", "mkdir -p /www; echo page > /www/index.html; exec httpd -f -p 8080 -h /www"],
  env: { COLOUR: "blue" },
};
/** Counts in a file, so that a pause or a restart shows. */
const COUNTER = "echo started; i=0; while :; do i=$((i+1)); echo $i > /tmp/count; sleep 0.05; done";

eachContainerd("a CRI pod", {}, (containerd) => {
  let cri: Cri;

  before(async () => {
    cri = await containerd().cri();
  });

  after(async () => {
    const left = await cri.podIds();
    cri.close();
    assert.deepEqual(left, []);
  });

  describe("with two containers", () => {
    let pod: Pod;
    let web: PodContainer;
    let counter: PodContainer;

    before(async () => {
      const dns = { servers: ["192.0.2.53"], searches: ["pods.example"], options: ["ndots:3"] };
      pod = await cri.runPod("pair", { hostname: "pair-host", dns, labels: { app: "pair" } });
      web = await pod.start("web", WEB);
      counter = await pod.start("counter", { command: ["sh", "-c", COUNTER] });
    });

    after(async () => {
      await pod.remove();
    });

    it("is ready, with an address of the pod network", async () => {
      const status = await pod.status();
      assert.equal(await pod.isReady(), true);
      assert.ok(status.network?.ip.startsWith(`${containerd().network.prefix}.`), status.network?.ip);
      assert.equal(status.metadata?.name, "pair");
      assert.deepEqual(status.labels, { app: "pair" });
      assert.deepEqual([await web.state(), await counter.state()], ["running", "running"]);
    });

    describe("exec-sync", () => {
      it("gives standard output, standard error and the exit status", async () => {
        const result = await web.exec(["sh", "-c", "echo out; echo err >&2; exit 9"]);
        assert.deepEqual(result, { code: 9, stdout: "out\n", stderr: "err\n" });
      });

      it("has the container's environment, file system and host name", async () => {
        const result = await web.exec(["sh", "-c", "echo $COLOUR; cat /www/index.html; hostname"]);
        assert.equal(result.stdout, "blue\npage\npair-host\n");
      });

      it("gives large output whole", async () => {
        const result = await web.exec(["seq", "1", "100000"]);
        assert.equal(result.stdout.split("\n").length, 100_001);
        assert.ok(result.stdout.endsWith("\n100000\n"));
      });

      it("kills a command that takes longer than its timeout, and nothing else", async () => {
        await assert.rejects(web.exec(["sleep", "4321"], 1), (error: { code?: number; message: string }) => {
          assert.match(error.message, /timeout|deadline/i);
          assert.ok(
            [GrpcStatus.DEADLINE_EXCEEDED, GrpcStatus.UNKNOWN].includes(error.code ?? -1),
            String(error.code),
          );
          return true;
        });
        await until(
          "the command to be gone",
          async () => !(await web.exec(["ps"])).stdout.includes("sleep 4321"),
        );
        assert.equal(await web.state(), "running");
      });

      it("fails for a program that does not exist, and names it", async () => {
        await assert.rejects(web.exec(["/no/such/program"]), /\/no\/such\/program/);
        assert.equal((await web.exec(["true"])).code, 0);
      });

      it("runs several commands at once", async () => {
        const results = await Promise.all(
          Array.from({ length: 10 }, (_, index) => web.exec(["sh", "-c", `echo ${index}; exit ${index}`])),
        );
        assert.deepEqual(
          results.map(({ code, stdout }) => [code, stdout]),
          results.map((_, index) => [index, `${index}\n`]),
        );
      });
    });

    describe("network", () => {
      it("is shared by the containers: one reaches the other over localhost", async () => {
        const page = await until("the page", async () => {
          const answer = await counter.exec(["wget", "-q", "-O", "-", "http://127.0.0.1:8080/"]);
          return answer.code === 0 && answer.stdout;
        });
        assert.equal(page, "page\n");
      });

      it("is reached from the host", async () => {
        const ip = (await pod.status()).network?.ip ?? "";
        await mustRun(findStaticBusybox() ?? "", ["ping", "-c", "1", "-W", "5", ip]);
        const response = await fetch(`http://${ip}:8080/`);
        assert.equal(await response.text(), "page\n");
      });

      it("reaches the host", async () => {
        const answer = await web.exec(["ping", "-c", "1", "-W", "5", `${containerd().network.prefix}.1`]);
        assert.equal(answer.code, 0, answer.stdout + answer.stderr);
      });

      it("has the interface, the address and the name servers it was given", async () => {
        const ip = (await pod.status()).network?.ip ?? "";
        assert.match(
          (await web.exec(["ip", "-4", "address", "show", "eth0"])).stdout,
          new RegExp(`inet ${ip}/24`),
        );
        const resolv = (await web.exec(["cat", "/etc/resolv.conf"])).stdout;
        assert.match(resolv, /^nameserver 192\.0\.2\.53$/m);
        assert.match(resolv, /^search pods\.example$/m);
        assert.match(resolv, /^options ndots:3$/m);
      });
    });

    it("keeps the processes of its containers apart", async () => {
      const seen = (await counter.exec(["ps"])).stdout;
      assert.ok(!seen.includes("httpd"), seen);
    });

    it("keeps the file systems of its containers apart", async () => {
      await web.exec(["sh", "-c", "echo secret > /tmp/of-web"]);
      assert.notEqual((await counter.exec(["cat", "/tmp/of-web"])).code, 0);
    });

    it("has statistics of each container and of the pod", async () => {
      const stats = await until("statistics of the counter", async () => {
        const found = await counter.stats();
        return (found.cpu?.usageCoreNanoSeconds?.value ?? 0n) > 0n && found;
      });
      assert.ok((stats.memory?.workingSetBytes?.value ?? 0n) > 0n);
      assert.equal(stats.attributes?.id, counter.id);
      const used = stats.cpu?.usageCoreNanoSeconds?.value ?? 0n;
      await until(
        "cpu time to grow",
        async () => ((await counter.stats()).cpu?.usageCoreNanoSeconds?.value ?? 0n) > used,
      );
      const ofPod = await pod.stats();
      assert.deepEqual(
        ofPod.linux?.containers.map((container) => container.attributes?.id).sort(),
        [web.id, counter.id].sort(),
      );
    });

    it("goes on with one container while the other is stopped, removed and started again", async () => {
      const count = async (): Promise<number> => Number((await counter.exec(["cat", "/tmp/count"])).stdout);
      const startedAt = (await counter.status()).startedAt;
      const before = await count();
      await web.stop(0);
      assert.equal((await web.untilExited()).exitCode, 137);
      await until("the counter to go on", async () => (await count()) > before);
      await web.remove();
      web = await pod.start("web", { ...WEB, attempt: 1 });
      await until(
        "the page",
        async () => (await counter.exec(["wget", "-q", "-O", "-", "http://127.0.0.1:8080/"])).code === 0,
      );
      assert.equal((await counter.status()).startedAt, startedAt);
      assert.ok((await count()) > before);
      assert.deepEqual(await counter.log(), [{ stream: "stdout", text: "started" }]);
    });
  });

  describe("with one container", () => {
    let pod: Pod;

    before(async () => {
      pod = await cri.runPod("single");
    });

    after(async () => {
      await pod.remove();
    });

    it("reports the exit status of a container that ends by itself, with its times in order", async () => {
      const container = await pod.start("ends", { command: ["sh", "-c", "exit 42"] });
      const status = await container.untilExited();
      assert.equal(status.exitCode, 42);
      assert.equal(status.reason, "Error");
      // The exit is often noted before the reply to start is.
      assert.ok(status.createdAt <= status.startedAt && status.createdAt <= status.finishedAt);
      await container.remove();
    });

    it("logs both streams line by line, however long a line is", async () => {
      const long = "x".repeat(40_000);
      const script = `echo short; echo problem >&2; head -c 40000 /dev/zero | tr '\\0' x; echo; printf unfinished`;
      const container = await pod.start("logs", { command: ["sh", "-c", script] });
      await container.untilExited();
      const log = await until("the last line", async () => {
        const lines = await container.log();
        return lines.length >= 3 && lines;
      });
      assert.deepEqual(
        log.filter(({ stream }) => stream === "stderr").map(({ text }) => text),
        ["problem"],
      );
      assert.deepEqual(
        log
          .filter(({ stream }) => stream === "stdout")
          .map(({ text }) => text)
          .slice(0, 2),
        ["short", long],
      );
      assert.match(await readFile(container.logFile, "utf8"), / stdout [PF] unfinished\n/);
      await container.remove();
    });

    it("ends a container that heeds the stop signal, with the status it chose", async () => {
      const script = "trap 'echo bye; exit 17' TERM; echo up; while :; do sleep 0.05; done";
      const container = await pod.start("polite", { command: ["sh", "-c", script] });
      await until("the trap", async () => (await container.log()).some(({ text }) => text === "up"));
      await container.stop(30);
      const status = await container.untilExited();
      assert.equal(status.exitCode, 17);
      assert.ok((await container.log()).some(({ text }) => text === "bye"));
      await container.remove();
    });

    it("kills a container that does not, when the grace period is over", async () => {
      const container = await pod.start("stubborn", {
        command: ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"],
      });
      await until("the trap", async () => (await container.log()).some(({ text }) => text === "up"));
      await container.stop(1);
      assert.equal((await container.untilExited()).exitCode, 137);
      await container.remove();
    });

    it("reports a program that does not exist, and takes other containers afterwards", async () => {
      const container = await pod.create("absent", { command: ["/no/such/program"] });
      await assert.rejects(container.start(), /\/no\/such\/program/);
      const status = await container.status();
      assert.equal(status.reason, "StartError");
      assert.equal(status.exitCode, 128);
      await container.remove();
      const next = await pod.start("present");
      assert.equal((await next.exec(["echo", "fine"])).stdout, "fine\n");
      await next.remove();
    });

    it("gives a container the memory and processor limits it asked for, and changes them", async () => {
      const container = await pod.start("limited", {
        resources: { memoryLimitInBytes: 64n << 20n, cpuPeriod: 100_000n, cpuQuota: 50_000n },
      });
      const read = async (...files: string[]): Promise<string> =>
        (
          await container.exec([
            "sh",
            "-c",
            `cd /sys/fs/cgroup; cat ${files.join(" ")} 2>/dev/null | head -n 1`,
          ])
        ).stdout.trim();
      const memory = (): Promise<string> => read("memory.max", "memory/memory.limit_in_bytes");
      const cpu = (): Promise<string> => read("cpu.max", "cpu/cpu.cfs_quota_us");
      assert.equal(await memory(), String(64 << 20));
      assert.match(await cpu(), /^50000\b/);
      await container.update({ memoryLimitInBytes: 96n << 20n, cpuPeriod: 100_000n, cpuQuota: 25_000n });
      assert.equal(await memory(), String(96 << 20));
      assert.match(await cpu(), /^25000\b/);
      await container.remove();
    });

    it("says that a container was killed for want of memory", async () => {
      const container = await pod.start("greedy", {
        command: ["sh", "-c", "dd if=/dev/zero of=/dev/null bs=400M count=1; exit $?"],
        resources: { memoryLimitInBytes: 32n << 20n, memorySwapLimitInBytes: 32n << 20n },
      });
      const status = await container.untilExited();
      assert.equal(status.exitCode, 137);
      assert.equal(status.reason, "OOMKilled");
      await container.remove();
    });

    it("mounts directories and files of the host, writable and read-only", async () => {
      const host = join(containerd().directory, "shared");
      await mkdir(host, { recursive: true });
      await writeFile(join(host, "given"), "from the host\n");
      const container = await pod.start("mounts", {
        mounts: [
          { from: host, to: "/writable" },
          { from: host, to: "/fixed", readonly: true },
          { from: join(host, "given"), to: "/etc/given", readonly: true },
        ],
      });
      assert.equal(
        (await container.exec(["cat", "/writable/given", "/fixed/given", "/etc/given"])).stdout,
        "from the host\n".repeat(3),
      );
      assert.equal((await container.exec(["sh", "-c", "echo back > /writable/answer"])).code, 0);
      assert.equal(await readFile(join(host, "answer"), "utf8"), "back\n");
      assert.notEqual((await container.exec(["sh", "-c", "echo no > /fixed/answer"])).code, 0);
      await container.remove();
    });

    it("gives a container a terminal that asks for one", async () => {
      const container = await pod.start("terminal", {
        command: ["sh", "-c", "test -t 0 && test -t 1 && echo terminal"],
        tty: true,
      });
      await container.untilExited();
      await until("the line", async () =>
        (await container.log()).some(({ text }) => text.trim() === "terminal"),
      );
      await container.remove();
    });
  });

  it("runs on the node's network when asked to", async () => {
    const pod = await cri.runPod("node-network", { hostNetwork: true });
    const container = await pod.start("only");
    assert.equal((await container.exec(["echo", "fine"])).stdout, "fine\n");
    await pod.remove();
  });

  it("is gone after its removal, whatever its containers were doing", async () => {
    const pod = await cri.runPod("brief");
    await pod.start("busy", { command: ["sh", "-c", "while :; do :; done"] });
    await pod.start("idle");
    const ended = await pod.start("ended", { command: ["true"] });
    await ended.untilExited();
    await pod.create("never-started");
    await pod.remove();
    await assert.rejects(pod.status(), { code: GrpcStatus.NOT_FOUND });
    assert.deepEqual(
      (await cri.runtime.ListContainers()).containers.filter(({ podSandboxId }) => podSandboxId === pod.id),
      [],
    );
  });

  it("may be stopped twice and its name used again", async () => {
    for (const round of [1, 2]) {
      const pod = await cri.runPod("again");
      const container = await pod.start("only");
      assert.equal((await container.exec(["echo", String(round)])).stdout, `${round}\n`);
      await pod.stop();
      assert.equal(await pod.isReady(), false);
      await pod.stop();
      await pod.remove();
    }
  });
});
