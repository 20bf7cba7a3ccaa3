import assert from "node:assert/strict";
import { PHASES } from "../../../../shim/phases/table.ts";
import { NOT_EXITED } from "../../../../shim/task/exec.ts";
import { createDeferred } from "../../../../hcs/deferred.ts";
import { FakeTask } from "../../../support/fake-task.ts";
import { turnsOfTheLoop } from "../../../support/turns.ts";

/** A running task. */
async function running(options?: ConstructorParameters<typeof FakeTask>[0]): Promise<FakeTask> {
  const fake = new FakeTask(options);
  await fake.task.start("");
  return fake;
}

/** Ends the process that was made `index`th, with everything it wrote delivered. */
function end(fake: FakeTask, index: number, code: number): void {
  fake.process(index).exit(code);
  fake.relay(index).finish();
}

const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected;

describe("Task", () => {
  it("reports start before exit and exit before deletion, each once", async () => {
    using fake = await running();
    end(fake, 0, 3);
    assert.equal((await fake.task.init.wait()).status, 3);
    await fake.task.delete("");
    assert.deepEqual(fake.events, ["started 100", "exited web 3", "deleted web 3"]);
  });

  it("tells its exit only when its output was delivered", async () => {
    using fake = await running();
    fake.process(0).exit(0);
    await turnsOfTheLoop();
    assert.equal(fake.task.snapshot("").status, "RUNNING");
    assert.equal(fake.task.init.exit, undefined);
    fake.relay(0).finish();
    await fake.task.init.wait();
    assert.equal(fake.task.snapshot("").status, "STOPPED");
  });

  it("tells its exit when the budget for the output is used up", async () => {
    using fake = await running();
    fake.process(0).exit(5);
    await turnsOfTheLoop();
    await fake.clock.advance(PHASES.drain.budgetMs);
    assert.equal((await fake.task.init.wait()).status, 5);
    assert.deepEqual(fake.reports, ["output was not taken in time, its delivery goes on"]);
  });

  it("answers any number of waiters, before the start and after the exit", async () => {
    using fake = new FakeTask();
    const early = [fake.task.init.wait(), fake.task.init.wait()];
    await fake.task.start("");
    end(fake, 0, 9);
    assert.deepEqual(
      (await Promise.all(early)).map(({ status }) => status),
      [9, 9],
    );
    assert.equal((await fake.task.init.wait()).status, 9);
  });

  it("lets a waiter go whose client has gone, and no other", async () => {
    using fake = await running();
    const gone = new AbortController();
    const first = fake.task.init.wait(gone.signal);
    const second = fake.task.init.wait();
    gone.abort(new Error("connection closed"));
    await assert.rejects(first, /connection closed/);
    end(fake, 0, 0);
    assert.equal((await second).status, 0);
  });

  it("is exited with 1, without a start event, when its start fails", async () => {
    using fake = new FakeTask();
    fake.container.failures.set("createInit", new Error("no such program"));
    await assert.rejects(fake.task.start(""), /no such program/);
    assert.equal((await fake.task.init.wait()).status, 1);
    assert.deepEqual(fake.events, ["exited web 1"]);
  });

  it("keeps its pid after the exit and has status 255 before", async () => {
    using fake = await running();
    assert.equal(fake.task.init.exit?.status ?? NOT_EXITED, 255);
    end(fake, 0, 0);
    await fake.task.init.wait();
    assert.equal(fake.task.init.pid, 100);
  });

  it("gives a process whose end nobody saw the status of a lost one", async () => {
    using fake = await running();
    fake.process(0).lose(new Error("bridge closed"));
    fake.relay(0).finish();
    assert.equal((await fake.task.init.wait()).status, 0xffff_ffff);
  });

  describe("exec", () => {
    it("reports added, started and exited in order", async () => {
      using fake = await running();
      await fake.addExec("probe");
      await fake.task.start("probe");
      end(fake, 1, 4);
      await fake.task.exec("probe").wait();
      await fake.task.delete("probe");
      assert.deepEqual(fake.events.slice(1), [
        "exec-added probe",
        "exec-started probe 101",
        "exited probe 4",
        "deleted probe 4",
      ]);
    });

    it("has no exit event when it never ran", async () => {
      using fake = await running();
      await fake.addExec("probe");
      await fake.task.kill("probe", 9, false);
      assert.equal((await fake.task.exec("probe").wait()).status, 1);
      await fake.task.delete("probe");
      assert.deepEqual(fake.events.slice(1), ["exec-added probe", "deleted probe 1"]);
    });

    it("refuses the id of another exec and that of the task itself", async () => {
      using fake = await running();
      await fake.addExec("probe");
      await assert.rejects(fake.addExec("probe"), code("EXEC_EXISTS"));
      await assert.rejects(fake.addExec("web"), code("EXEC_EXISTS"));
    });

    it("is not found under the task's id nor after its deletion", async () => {
      using fake = await running();
      assert.throws(() => fake.task.exec("web"), code("EXEC_NOT_FOUND"));
      await fake.addExec("probe");
      await fake.task.delete("probe");
      assert.throws(() => fake.task.exec("probe"), code("EXEC_NOT_FOUND"));
    });

    it("ends before its task does", async () => {
      using fake = await running();
      await fake.addExec("probe");
      await fake.task.start("probe");
      end(fake, 0, 0);
      await turnsOfTheLoop();
      assert.equal(fake.task.init.exit, undefined);
      end(fake, 1, 137);
      await fake.task.init.wait();
      assert.deepEqual(fake.events.slice(-2), ["exited probe 137", "exited web 0"]);
    });

    it("cannot be created or started while the task is paused", async () => {
      using fake = await running();
      await fake.addExec("early");
      await fake.task.pause();
      await assert.rejects(fake.addExec("probe"), /it is paused/);
      await assert.rejects(fake.task.start("early"), /it is paused/);
    });
  });

  describe("kill", () => {
    it("sends the signal to the process it names, and to no other", async () => {
      using fake = await running();
      await fake.addExec("probe");
      await fake.task.start("probe");
      await fake.task.kill("", 15, false);
      assert.deepEqual([fake.process(0).signals, fake.process(1).signals], [[15], []]);
    });

    it("sends it to every process with all", async () => {
      using fake = await running();
      await fake.addExec("probe");
      await fake.task.start("probe");
      await fake.task.kill("", 9, true);
      assert.deepEqual([fake.process(0).signals, fake.process(1).signals], [[9], [9]]);
    });

    it("refuses all for an exec", async () => {
      using fake = await running();
      await fake.addExec("probe");
      await assert.rejects(fake.task.kill("probe", 9, true), code("WRONG_STATE"));
    });

    it("refuses a signal the guest does not have", async () => {
      using fake = await running();
      await assert.rejects(fake.task.kill("", 64, false), code("SIGNAL_INVALID"));
    });

    it("answers that the process is gone when the guest says so", async () => {
      using fake = await running();
      fake.process(0).outcome = "gone";
      await assert.rejects(fake.task.kill("", 15, false), code("PROCESS_GONE"));
    });

    it("reads the rest of the output of a process that SIGKILL ends", async () => {
      using fake = await running();
      await fake.task.kill("", 15, false);
      assert.equal(fake.relay(0).lifted, false);
      await fake.task.kill("", 9, false);
      assert.equal(fake.relay(0).lifted, true);
    });

    it("terminates the container when SIGKILL did not end it in its budget", async () => {
      using fake = await running();
      await fake.task.kill("", 9, false);
      await fake.clock.advance(PHASES["container-terminate"].budgetMs);
      await turnsOfTheLoop();
      assert.ok(fake.container.calls.includes("terminate"));
    });

    it("leaves the container alone when SIGKILL ended it", async () => {
      using fake = await running();
      await fake.task.kill("", 9, false);
      end(fake, 0, 137);
      await fake.task.init.wait();
      await fake.clock.advance(PHASES["container-terminate"].budgetMs * 2);
      assert.ok(!fake.container.calls.includes("terminate"));
    });

    it("thaws a paused task for SIGKILL, and refuses milder signals", async () => {
      using fake = await running();
      await fake.task.pause();
      await assert.rejects(fake.task.kill("", 15, false), /it is paused, resume it first/);
      await fake.task.kill("", 9, false);
      assert.deepEqual(fake.process(0).signals, [9]);
      assert.deepEqual(fake.events.slice(-2), ["paused", "resumed"]);
    });
  });

  describe("delete", () => {
    it("waits until everything is released", async () => {
      using fake = await running();
      end(fake, 0, 0);
      await fake.task.delete("");
      assert.deepEqual(fake.container.calls.slice(-2), ["teardown", "remove"]);
    });

    it("tries the release again when it failed, and answers then", async () => {
      using fake = await running();
      fake.container.failures.set("teardown", new Error("busy"));
      end(fake, 0, 0);
      await fake.task.init.wait();
      await turnsOfTheLoop();
      assert.deepEqual(fake.reports, ["teardown failed, Delete will repeat it"]);
      await fake.task.delete("");
      assert.equal(fake.container.calls.filter((call) => call === "teardown").length, 2);
    });

    it("may be asked twice at the same time and again later", async () => {
      using fake = await running();
      end(fake, 0, 6);
      const both = await Promise.all([fake.task.delete(""), fake.task.delete("")]);
      assert.deepEqual(
        both.map(({ status }) => status),
        [6, 6],
      );
      assert.equal((await fake.task.delete("")).status, 6);
      assert.equal(fake.container.calls.filter((call) => call === "remove").length, 1);
    });

    it("ends execs that never ran, even when it is refused itself", async () => {
      using fake = await running();
      await fake.addExec("probe");
      await assert.rejects(fake.task.delete(""), code("WRONG_STATE"));
      assert.equal(fake.task.exec("probe").state, "exited");
    });

    it("of a task that was never started exits it with 0", async () => {
      using fake = new FakeTask();
      assert.equal((await fake.task.delete("")).status, 0);
      assert.deepEqual(fake.events, ["exited web 0", "deleted web 0"]);
    });
  });

  describe("out of memory", () => {
    const killed = { LCOWMetrics: { memory_oom_control: { oom_kill: 1 } } };

    it("is reported before the exit of a killed init", async () => {
      using fake = await running();
      fake.container.properties_ = killed;
      end(fake, 0, 137);
      await fake.task.init.wait();
      assert.deepEqual(fake.events.slice(1), ["oom", "exited web 137"]);
    });

    it("is not asked about when a client killed the init", async () => {
      using fake = await running();
      fake.container.properties_ = killed;
      await fake.task.kill("", 9, false);
      end(fake, 0, 137);
      await fake.task.init.wait();
      assert.deepEqual(fake.events.slice(1), ["exited web 137"]);
    });

    it("is not asked about when the init was not killed", async () => {
      using fake = await running();
      fake.container.properties_ = killed;
      end(fake, 0, 1);
      await fake.task.init.wait();
      assert.deepEqual(fake.events.slice(1), ["exited web 1"]);
    });

    it("is reported before an exit that says so, where the platform refuses memory", async () => {
      for (const [status, isReported] of [
        [0xc0000017, true],
        [0, false],
      ] as const) {
        using fake = await running();
        fake.container.wasRefusedMemory = () => true;
        end(fake, 0, status);
        await fake.task.init.wait();
        assert.deepEqual(fake.events.slice(1), [...(isReported ? ["oom"] : []), `exited web ${status}`]);
      }
    });

    it("is reported before an exit whose code says so, of Windows processes that nobody killed", async () => {
      for (const [os, status, isReported] of [
        ["windows", 0xc0000017, true],
        ["windows", 0xc000012d, true],
        ["windows", 1067, false],
        ["linux", 0xc0000017, false],
      ] as const) {
        using fake = await running();
        fake.container.os = os;
        end(fake, 0, status);
        await fake.task.init.wait();
        assert.deepEqual(fake.events.slice(1), [...(isReported ? ["oom"] : []), `exited web ${status}`]);
      }
    });

    it("is reported once for each new kill that statistics show", async () => {
      using fake = await running();
      fake.container.properties_ = killed;
      await fake.task.statistics();
      await fake.task.statistics();
      assert.deepEqual(fake.events.slice(1), ["oom"]);
    });
  });

  describe("pids", () => {
    it("are those of the platform, with the ones this shim started named", async () => {
      using fake = await running();
      fake.container.properties_ = { ProcessList: [{ ProcessId: 100 }, { ProcessId: 555 }] };
      assert.deepEqual(await fake.task.pids(), [
        { pid: 100, execId: "web", entry: { ProcessId: 100 } },
        { pid: 555, execId: undefined, entry: { ProcessId: 555 } },
      ]);
    });

    it("are those this shim started when the platform does not answer: never empty for a live task", async () => {
      using fake = await running();
      fake.container.failures.set("properties ProcessList", new Error("in transition"));
      assert.deepEqual(await fake.task.pids(), [{ pid: 100, execId: "web", entry: { ProcessId: 100 } }]);
    });

    it("of a task that has ended are its first one's: without any, containerd would delete it with its status unread", async () => {
      using fake = await running();
      end(fake, 0, 42);
      await fake.task.init.wait();
      assert.deepEqual(await fake.task.pids(), [{ pid: 100, execId: "web", entry: { ProcessId: 100 } }]);
    });

    it("of a paused task are not asked for", async () => {
      using fake = await running();
      await fake.task.pause();
      assert.deepEqual(await fake.task.pids(), [{ pid: 100, execId: "web", entry: { ProcessId: 100 } }]);
      assert.ok(!fake.container.calls.includes("properties ProcessList"));
    });
  });

  describe("statistics", () => {
    it("are asked for once by all who ask at the same time", async () => {
      using fake = await running();
      await Promise.all([fake.task.statistics(), fake.task.statistics(), fake.task.statistics()]);
      assert.equal(fake.container.calls.filter((call) => call === "properties Statistics").length, 1);
    });

    it("are the last ones when the platform does not answer", async () => {
      using fake = await running();
      fake.container.properties_ = { LCOWMetrics: { pids: { current: 4 } } };
      await fake.task.statistics();
      fake.container.failures.set("properties Statistics", new Error("in transition"));
      assert.deepEqual(await fake.task.statistics(), { LCOWMetrics: { pids: { current: 4 } } });
    });
  });

  describe("statistics of the VM", () => {
    const used = { workingSetBytes: 5 };

    it("are beside those of the container that owns it", async () => {
      using fake = await running();
      fake.container.properties_ = { LCOWMetrics: {} };
      fake.container.vmUsage = () => Promise.resolve(used);
      assert.deepEqual(await fake.task.statistics(), { LCOWMetrics: {}, vm: used });
    });

    it("do not take the container's with them when they fail: the last ones are repeated", async () => {
      using fake = await running();
      fake.container.vmUsage = () => Promise.resolve(used);
      await fake.task.statistics();
      fake.container.properties_ = { LCOWMetrics: { pids: { current: 4 } } };
      fake.container.vmUsage = () => Promise.reject(new Error("in transition"));
      assert.deepEqual(await fake.task.statistics(), { LCOWMetrics: { pids: { current: 4 } }, vm: used });
    });
  });

  describe("pause", () => {
    it("shows PAUSED until it is resumed", async () => {
      using fake = await running();
      await fake.task.pause();
      assert.equal(fake.task.snapshot("").status, "PAUSED");
      await assert.rejects(fake.task.pause(), code("WRONG_STATE"));
      await fake.task.resume();
      assert.equal(fake.task.snapshot("").status, "RUNNING");
      await assert.rejects(fake.task.resume(), code("WRONG_STATE"));
    });

    it("leaves the task running when the platform fails", async () => {
      using fake = await running();
      fake.container.failures.set("pause", new Error("frozen pond"));
      await assert.rejects(fake.task.pause(), /frozen pond/);
      assert.equal(fake.task.snapshot("").status, "RUNNING");
      assert.ok(!fake.events.includes("paused"));
    });
  });

  it("waits for other tasks that have to end before it", async () => {
    const others = createDeferred<void>();
    using fake = await running({ beforeInitExit: () => others.promise });
    end(fake, 0, 0);
    await turnsOfTheLoop();
    assert.equal(fake.task.init.exit, undefined);
    others.resolve();
    await fake.task.init.wait();
  });

  it("resizes a terminal while it runs, and refuses without one", async () => {
    using fake = await running({ terminal: true });
    await fake.task.resize("", { height: 10, width: 20 });
    assert.deepEqual(fake.process(0).sizes, [{ height: 10, width: 20 }]);
    await fake.addExec("plain");
    await assert.rejects(fake.task.resize("plain", { height: 1, width: 1 }), code("NOT_A_TERMINAL"));
  });
});
