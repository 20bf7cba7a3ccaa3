import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { eachContainerd } from "../support/each-containerd.ts";
import { Terminal } from "../support/terminal.ts";
import { until } from "../support/until.ts";

eachContainerd("ctr run", {}, (containerd) => {
  describe("exit status", () => {
    const cases: [number, string][] = [
      [0, "true"],
      [3, "exit 3"],
      // A shell of its own takes the signal: the first process of a pid namespace ignores what it has no handler for.
      [137, "sh -c 'kill -KILL $$'; exit $?"],
      [143, "sh -c 'kill -TERM $$'; exit $?"],
      [255, "exit 255"],
    ];
    for (const [status, script] of cases) {
      it(`is ${status} for ${script}`, async () => {
        const result = await containerd()
          .ctr()
          .run(`exit-${status}`, { args: ["sh", "-c", script] });
        assert.equal(result.code, status, result.stderr);
      });
    }

    it("is 137 for a task that was killed from outside", async () => {
      const ctr = containerd().ctr();
      const running = ctr.runAttached("killed", { args: ["sleep", "1000"] });
      await ctr.untilStatus("killed", "RUNNING");
      await ctr.kill("killed", "SIGKILL");
      assert.equal((await running.wait()).code, 137);
    });

    it("is not 0 for a program that does not exist, and the message names it", async () => {
      const result = await containerd()
        .ctr()
        .run("missing", { args: ["/no/such/program"] });
      assert.notEqual(result.code, 0);
      assert.match(result.stderr, /\/no\/such\/program/);
    });
  });

  describe("output and input", () => {
    it("keeps standard output and standard error apart", async () => {
      const result = await containerd()
        .ctr()
        .run("two-streams", { args: ["sh", "-c", "echo to-out; echo to-err >&2"] });
      assert.equal(result.stdout.toString(), "to-out\n");
      assert.equal(result.stderr, "to-err\n");
    });

    it("hands input over and then its end", async () => {
      const input = Buffer.alloc(3_000_000, "0123456789\n");
      const result = await containerd()
        .ctr()
        .run("input", { args: ["sh", "-c", "sha256sum; echo end"], input });
      const digest = createHash("sha256").update(input).digest("hex");
      assert.equal(result.stdout.toString(), `${digest}  -\nend\n`);
    });

    it("leaves output open after the input has ended", async () => {
      const running = containerd()
        .ctr()
        .runAttached("half-close", {
          args: ["sh", "-c", "cat; echo input ended; read line || echo still ended"],
        });
      running.stdin.write("hello\n");
      await until("the echo", () => running.output.includes("hello"));
      running.stdin.end();
      const result = await running.wait();
      assert.equal(result.stdout.toString(), "hello\ninput ended\nstill ended\n");
      assert.equal(result.code, 0);
    });

    it("carries 200 MB of output unchanged", async () => {
      const ctr = containerd().ctr();
      // The container hashes what it writes while it writes it.
      const script = `mkfifo /tmp/copy; sha256sum < /tmp/copy > /tmp/sum &
        dd if=/dev/urandom bs=1M count=200 2>/dev/null | tee /tmp/copy; wait; cat /tmp/sum >&2`;
      const hash = createHash("sha256");
      let length = 0;
      const running = ctr.start(ctr.runArguments("bulk", { args: ["sh", "-c", script] }), {
        onOutput: (chunk) => {
          hash.update(chunk);
          length += chunk.length;
        },
      });
      running.stdin.end();
      const result = await running.wait();
      assert.equal(result.code, 0, result.stderr);
      assert.equal(length, 200 * 1024 * 1024);
      assert.equal(`${hash.digest("hex")}  -\n`, result.stderr);
    });

    it("delivers what was written just before the end", async () => {
      const ctr = containerd().ctr();
      for (const round of [1, 2, 3, 4, 5]) {
        const result = await ctr.run(`last-words-${round}`, { args: ["sh", "-c", "seq 1 5000; exit 9"] });
        assert.equal(result.code, 9);
        assert.ok(result.stdout.toString().endsWith("\n4999\n5000\n"), `round ${round}`);
      }
    });
  });

  describe("a detached task", () => {
    it("runs, takes further processes, is killed, waited for and deleted", async () => {
      const ctr = containerd().ctr();
      await ctr.runDetached("detached", {
        args: ["sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.1; done"],
      });
      assert.equal(await ctr.status("detached"), "RUNNING");

      const exec = await ctr.exec("detached", "greeting", ["sh", "-c", "echo hello from $(cat); exit 4"], {
        input: "exec",
      });
      assert.equal(exec.stdout.toString(), "hello from exec\n");
      assert.equal(exec.code, 4);

      await ctr.kill("detached", "SIGTERM");
      await ctr.untilStatus("detached", "STOPPED");
      assert.equal(await ctr.deleteTask("detached"), 5);
      assert.equal(await ctr.status("detached"), undefined);
      await ctr.deleteContainer("detached");
      assert.deepEqual(await ctr.containers(), []);
    });

    it("is waited for by whoever attaches to it", async () => {
      const ctr = containerd().ctr();
      const script = "trap 'echo caught; exit 6' TERM; while :; do echo tick; sleep 0.1; done";
      await ctr.runDetached("attached", { args: ["sh", "-c", script] });
      const attached = ctr.attach("attached");
      await until("output", () => attached.output.includes("tick"));
      await ctr.kill("attached", "SIGTERM");
      const result = await attached.wait();
      assert.equal(result.code, 6, result.stderr);
      assert.ok(result.stdout.toString().endsWith("tick\ncaught\n"), result.stdout.toString());
      assert.equal(await ctr.status("attached"), undefined);
      await ctr.deleteContainer("attached");
    });

    it("runs a detached exec until that is killed, and goes on itself", async () => {
      const ctr = containerd().ctr();
      await ctr.runDetached("with-exec", { args: ["sleep", "1000"] });
      const started = await ctr.exec("with-exec", "sleeper", ["sleep", "777"], { detach: true });
      assert.equal(started.code, 0, started.stderr);
      await until(
        "the exec among the processes",
        async () => (await ctr.processes("with-exec")).length === 2,
      );
      await ctr.kill("with-exec", "SIGKILL", { execId: "sleeper" });
      await until("the exec's end", async () => (await ctr.processes("with-exec")).length === 1);
      assert.equal(await ctr.deleteTask("with-exec", { execId: "sleeper" }), 137);
      assert.equal(await ctr.status("with-exec"), "RUNNING");
      await ctr.remove("with-exec");
    });

    it("takes its name again after it was deleted", async () => {
      const ctr = containerd().ctr();
      for (const status of [1, 2]) {
        const result = await ctr.run("again", { args: ["sh", "-c", `exit ${status}`] });
        assert.equal(result.code, status, result.stderr);
      }
    });

    it("refuses a second one of the same name", async () => {
      const ctr = containerd().ctr();
      await ctr.runDetached("twin", { args: ["sleep", "1000"] });
      const second = await ctr.run("twin", { args: ["true"] });
      assert.notEqual(second.code, 0);
      assert.match(second.stderr, /already exists/);
      assert.equal(await ctr.status("twin"), "RUNNING");
      await ctr.remove("twin");
    });
  });

  describe("a terminal", () => {
    it("is one inside the container, echoes, follows the window's size and gives the exit status", async () => {
      const ctr = containerd().ctr();
      const terminal = await Terminal.open(
        ctr.commandLine(ctr.runArguments("terminal", { args: ["sh"], tty: true })),
        {
          height: 31,
          width: 97,
        },
      );
      try {
        await terminal.shows(/# /);
        terminal.type("test -t 0 && test -t 1 && test -t 2 && echo is-a-ter''minal\n");
        await terminal.showsLine("is-a-terminal");
        terminal.type("while ! stty size | grep -q '^31 97$'; do sleep 0.05; done; echo first-si''ze\n");
        await terminal.showsLine("first-size");
        terminal.resize({ height: 42, width: 120 });
        terminal.type("while ! stty size | grep -q '^42 120$'; do sleep 0.05; done; echo second-si''ze\n");
        await terminal.showsLine("second-size");
        terminal.type("exit 6\n");
        assert.equal((await terminal.wait()).code, 6);
      } finally {
        terminal.close();
      }
    });

    it("interrupts a program by its control character", async () => {
      const ctr = containerd().ctr();
      await ctr.runDetached("host-of-terminal", { args: ["sleep", "1000"] });
      const args = ctr.execArguments("host-of-terminal", "shell", ["sh"], { tty: true });
      const terminal = await Terminal.open(ctr.commandLine(args), { height: 24, width: 80 });
      try {
        await terminal.shows(/# /);
        terminal.type("echo be''fore; sleep 1000\n");
        await terminal.showsLine("before");
        terminal.type("\x03");
        terminal.type("echo status=$?\n");
        await terminal.showsLine("status=130");
        terminal.type("exit\n");
        await terminal.wait();
      } finally {
        terminal.close();
      }
      await ctr.remove("host-of-terminal");
    });
  });

  describe("while it runs", () => {
    before(async () => {
      const script = "i=0; while :; do i=$((i+1)); echo $i > /tmp/count; done";
      await containerd()
        .ctr()
        .runDetached("busy", { args: ["sh", "-c", script] });
    });

    after(async () => {
      await containerd().ctr().remove("busy");
    });

    it("stands still while it is paused and goes on when it is resumed", async () => {
      const ctr = containerd().ctr();
      const pid = (await ctr.tasks()).find((task) => task.id === "busy")?.pid ?? 0;
      await ctr.pause("busy");
      assert.equal(await ctr.status("busy"), "PAUSED");
      assert.equal((await ctr.exec("busy", "while-paused", ["true"])).code === 0, false);
      await ctr.resume("busy");
      assert.equal(await ctr.status("busy"), "RUNNING");
      assert.equal((await ctr.tasks()).find((task) => task.id === "busy")?.pid, pid);
      const count = async (): Promise<string> =>
        (
          await ctr.exec("busy", `count-${performance.now().toFixed()}`, ["cat", "/tmp/count"])
        ).stdout.toString();
      const before = await count();
      await until("the task to go on", async () => (await count()) !== before);
    });

    it("is listed with all its processes", async () => {
      const ctr = containerd().ctr();
      await ctr.exec("busy", "second", ["sleep", "1000"], { detach: true });
      const init = (await ctr.tasks()).find((task) => task.id === "busy")?.pid;
      const processes = await until("both processes", async () => {
        const found = await ctr.processes("busy");
        return found.length >= 2 && found;
      });
      assert.ok(
        processes.some(({ pid }) => pid === init),
        `${init} in ${JSON.stringify(processes)}`,
      );
      assert.ok(processes.every(({ pid }) => pid > 0));
      await ctr.kill("busy", "SIGKILL", { execId: "second" });
      await until("the exec's end", async () =>
        (await ctr.processes("busy")).every(({ pid }) => pid === init),
      );
      await ctr.deleteTask("busy", { execId: "second" });
    });

    it("has metrics that count its work", async () => {
      const ctr = containerd().ctr();
      const cpu = async (): Promise<number> => {
        const metrics = (await ctr.metrics("busy")) as {
          cpu?: { usage?: { total?: number } };
          memory?: object;
        };
        assert.ok(metrics.memory !== undefined, JSON.stringify(metrics));
        return metrics.cpu?.usage?.total ?? 0;
      };
      const before = await cpu();
      assert.ok(before > 0, `cpu time ${before}`);
      await until("cpu time to grow", async () => (await cpu()) > before);
    });
  });

  it("removes the container, its task and its snapshot at the end", async () => {
    const ctr = containerd().ctr();
    const before = await ctr.snapshots();
    assert.equal((await ctr.run("gone", { args: ["true"] })).code, 0);
    assert.deepEqual(await ctr.containers(), []);
    assert.deepEqual(await ctr.tasks(), []);
    assert.deepEqual((await ctr.snapshots()).sort(), before.sort());
  });

  it("runs many tasks at once", async () => {
    const ctr = containerd().ctr();
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        ctr.run(`many-${index}`, { args: ["sh", "-c", `echo ${index}; exit ${index}`] }),
      ),
    );
    assert.deepEqual(
      results.map(({ code, stdout }) => [code, stdout.toString()]),
      results.map((_, index) => [index, `${index}\n`]),
    );
  });

  it("reports each event of a task once and in order", async () => {
    const ctr = containerd().ctr();
    const events = await ctr.followEvents();
    try {
      await ctr.run("observed", { args: ["sh", "-c", "exit 8"] });
      // The Go shim may end before it has sent its last event; ours sends all of them first.
      const { ours } = containerd().runtime;
      const last = ours ? "/tasks/delete" : "/tasks/exit";
      await until(`the event ${last}`, () => events.output.includes(` ${last} `));
      const topics = events.output
        .split("\n")
        .map((line) => / (\/tasks\/\S+) /.exec(line)?.[1])
        .filter((topic) => topic !== undefined && (ours || topic !== "/tasks/delete"));
      assert.deepEqual(topics, ["/tasks/create", "/tasks/start", "/tasks/exit", ...(ours ? [last] : [])]);
      assert.match(events.output, /\/tasks\/exit .*"exit_status":8/);
    } finally {
      events.kill();
    }
  });
});
