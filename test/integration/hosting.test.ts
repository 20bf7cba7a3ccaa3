/**
 * What hosting promises beyond what every pod does (the other suites run in each mode, `RUNHCS_TEST_HOSTING`): the keeper is
 * never needed, whenever it dies.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { findSystem } from "../../hcs/emulator/systems/reclaim.ts";
import { SPARE_FLAG } from "../../hcs/emulator/worker/messages.ts";
import { Task } from "../../protos/gen/task-v2.ts";
import { pathOfAddress } from "../../shim/bootstrap/address.ts";
import { keeperAddress, KEEPER_DIRECTORY } from "../../shim/hosting/keeper/address.ts";
import { connect, isConnectionClosed } from "../../shim/ttrpc/index.ts";
import type { Containerd } from "../support/containerd.ts";
import { eachContainerd } from "../support/each-containerd.ts";
import { findKeeper, hostingUnderTest, keeperProcesses, membersOf } from "../support/keeper.ts";
import { readProcess } from "../support/proc.ts";
import { RUNHCS } from "../support/runtime.ts";
import { findShim, hostOf } from "../support/shim-process.ts";
import { until } from "../support/until.ts";

const hosting = hostingUnderTest();

eachContainerd(`hosting (${hosting})`, { oursOnly: true }, (containerd) => {
  const keeper = (of: Containerd): Promise<number> =>
    until("a keeper", () => findKeeper(of.nodeFile), { state: () => of.logTail() });

  async function runTask(id: string): Promise<void> {
    const { code, stdout, stderr } = await containerd()
      .ctr()
      .run(id, { args: ["echo", id] });
    assert.deepEqual([code, stdout.toString("utf8").trim()], [0, id], stderr);
  }

  it("makes a pod's VM of a worker that was booted ahead", async () => {
    const ctr = containerd().ctr();
    await ctr.runDetached("ahead", { args: ["sleep", "1000"] });
    const worker = findSystem(containerd().emulatorDirectory, "ahead@vm")?.worker.pid ?? 0;
    const launcher = readProcess(readProcess(worker)?.parent ?? 0);
    assert.ok(launcher?.arguments.includes(SPARE_FLAG), launcher?.arguments.join(" "));
    await ctr.remove("ahead");
    await containerd().untilNothingLeft();
  });

  if (hosting === "process") {
    it("has no keeper", async () => {
      await runTask("alone");
      assert.equal(findKeeper(containerd().nodeFile), undefined);
    });
    return;
  }

  it("starts the keeper with the first pod, and lets root alone reach it", async () => {
    await runTask("first");
    await keeper(containerd());
    assert.equal(statSync(KEEPER_DIRECTORY).mode & 0o777, 0o700);
    const socket = keeperAddress({ RUNHCS_CONFIG: containerd().nodeFile });
    assert.equal(statSync(socket).mode & 0o777, 0o600);
  });

  it("runs a pod in a process that was there before", async () => {
    await keeper(containerd());
    const booted = await until("a process that waits for a pod", () => {
      const waiting = keeperProcesses(containerd().nodeFile).filter(({ arguments: words }) =>
        words.includes("ready"),
      );
      // All there will be: which of them gets the pod is the keeper's business.
      return waiting.length === (hosting === "warm" ? 2 : 1) && waiting.map(({ pid }) => pid);
    });
    const ctr = containerd().ctr();
    await ctr.runDetached("served", { args: ["sleep", "1000"] });
    if (hosting === "warm") assert.ok(booted.includes(await findShim(containerd().address, "served")));
    await ctr.remove("served");
  });

  it("starts pods when the keeper has been killed, and a new keeper", async () => {
    const dead = await keeper(containerd());
    process.kill(dead, "SIGKILL");
    await runTask("orphaned");
    assert.notEqual(await keeper(containerd()), dead);
  });

  /** Runs `start` as containerd would, with every booted process stopped meanwhile. @returns them, and where the pod is served */
  async function startWhileStopped(id: string): Promise<{ stopped: number[]; path: string }> {
    // The keeper may have been killed before.
    await runTask(`before-${id}`);
    const current = await keeper(containerd());
    const ready = (): number[] =>
      membersOf(containerd().nodeFile)
        .filter(({ parent, arguments: words }) => parent === current && words.includes("ready"))
        .map(({ pid }) => pid);
    const wanted = hosting === "warm" ? 2 : 1;
    const stopped = await until("booted processes", () => ready().length === wanted && ready());
    for (const pid of stopped) process.kill(pid, "SIGSTOP");
    const bundle = join(containerd().directory, id);
    mkdirSync(bundle);
    writeFileSync(join(bundle, "config.json"), JSON.stringify({ ociVersion: "1.0.2", linux: {} }));
    const { namespace, address, nodeFile, ttrpcAddress } = containerd();
    const flags = ["-namespace", namespace, "-address", address, "-publish-binary", "none", "-id", id];
    const run = promisify(execFile)(
      join(RUNHCS.folder ?? "", "containerd-shim-runhcs-v1"),
      [...flags, "start"],
      { cwd: bundle, env: { ...process.env, RUNHCS_CONFIG: nodeFile, TTRPC_ADDRESS: ttrpcAddress } },
    );
    run.child.stdin?.end();
    const { stdout } = await run;
    return { stopped, path: pathOfAddress(stdout.trim()) };
  }

  it("serves a pod whose address was told before its process had heard of it, though the keeper dies then", async () => {
    const { stopped, path } = await startWhileStopped("early");
    process.kill(await keeper(containerd()), "SIGKILL");
    for (const pid of stopped) process.kill(pid, "SIGCONT");
    const client = await connect(path);
    const { shimPid } = await client.call(Task, "Connect", { id: "early" });
    assert.ok(stopped.includes(shimPid));
    await client.call(Task, "Shutdown", { id: "early", now: true });
    await client.closed;
    await containerd().untilNothingLeft();
  });

  it("lets the first call fail of a pod whose process dies before it has heard of it", async () => {
    const { stopped, path } = await startWhileStopped("doomed");
    const client = await connect(path);
    const answer = client.call(Task, "Connect", { id: "doomed" });
    for (const pid of stopped) process.kill(pid, "SIGKILL");
    await assert.rejects(answer, isConnectionClosed);
    // Whoever asked for it asks again, or has it deleted; the next pod is served.
    await runTask("next");
    await containerd().untilNothingLeft();
  });

  it("keeps a pod whose keeper is killed, to its end", async () => {
    await keeper(containerd());
    await runTask("before");
    const ctr = containerd().ctr();
    await ctr.runDetached("left-alone", { args: ["sleep", "1000"] });
    const dead = findKeeper(containerd().nodeFile);
    if (dead !== undefined) process.kill(dead, "SIGKILL");
    const { code, stdout } = await ctr.exec("left-alone", "probe", ["echo", "alive"]);
    assert.deepEqual([code, stdout.toString("utf8").trim()], [0, "alive"]);
    await ctr.remove("left-alone");
    await containerd().untilNothingLeft();
  });

  it("starts every pod, whenever the keeper is killed meanwhile", async function () {
    this.timeout(240_000);
    // A shared pod's start waits for the keeper, up to its budget: it takes longer.
    const ids = Array.from({ length: hosting === "warm" ? 6 : 2 }, (_, index) => `stormy-${index}`);
    let running = true;
    const kills = (async () => {
      while (running) {
        const victim = await until("a keeper to kill", () => !running || findKeeper(containerd().nodeFile));
        if (typeof victim === "number") process.kill(victim, "SIGKILL");
      }
    })();
    try {
      for (const id of ids) await runTask(id);
    } finally {
      running = false;
      await kills;
    }
    await containerd().untilNothingLeft();
    // What the dead keepers had booted has no pods, and ends.
    await until("processes of dead keepers to end", () => {
      const keepers = keeperProcesses(containerd().nodeFile).map(({ pid }) => pid);
      return membersOf(containerd().nodeFile).every(({ parent }) => keepers.includes(parent));
    });
  });

  it("survives containerd", async () => {
    await runTask("once");
    const before = await keeper(containerd());
    await containerd().crashAndRestart();
    await runTask("twice");
    assert.equal(findKeeper(containerd().nodeFile), before);
  });

  if (hosting !== "shared") return;

  it("ends its pods with process and keeper, each once, and leaves nothing of them", async () => {
    const ctr = containerd().ctr();
    const ids = Array.from({ length: 5 }, (_, index) => `together-${index}`);
    for (const id of ids) await ctr.runDetached(id, { args: ["sleep", "1000"] });
    const shared = new Set(ids.map((id) => hostOf(containerd(), id)));
    assert.equal(shared.size, 1, "they share a process");
    const events = await ctr.followEvents();
    process.kill(await keeper(containerd()), "SIGKILL");
    for (const pid of shared) process.kill(pid, "SIGKILL");
    const exitsOf = (id: string): number =>
      events.output.split("\n").filter((line) => line.includes("/tasks/exit") && line.includes(`"${id}"`))
        .length;
    await until("each exit to be told", () => ids.every((id) => exitsOf(id) > 0), {
      state: () => events.output,
    });
    for (const id of ids) await ctr.deleteContainer(id);
    events.kill();
    await containerd().untilNothingLeft();
    assert.deepEqual(ids.map(exitsOf), [1, 1, 1, 1, 1]);
    await runTask("afterwards");
  });
});
