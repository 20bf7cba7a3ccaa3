/** Our server towards containerd as its client, which takes it for a shim. */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Code, RpcError } from "../../../shim/ttrpc/index.ts";
import { eachContainerd } from "../../support/each-containerd.ts";
import { until } from "../../support/until.ts";
import { PROBE_RUNTIME, ProbeShim, writeProbeShim } from "./probe-shim.ts";

let folder = "";

/** A new folder for each containerd's PATH, known before containerd is started. */
function configure(): { readonly path: readonly string[] } {
  folder = mkdtempSync("/tmp/probe-");
  return { path: [folder] };
}

const RUN = { runtime: PROBE_RUNTIME, nullIo: true };

eachContainerd("ttrpc server of containerd", { configure }, (containerd) => {
  let probe: ProbeShim;
  let ids = 0;

  before(async () => {
    const socket = join(folder, "s");
    await writeProbeShim(folder, socket);
    probe = new ProbeShim();
    await probe.server.listen({ path: socket });
  });

  after(async () => {
    await (probe as ProbeShim | undefined)?.server.close();
    await rm(folder, { recursive: true, force: true });
  });

  function newId(): string {
    return `${containerd().namespace}-probe-${++ids}`;
  }

  it("runs a task from its beginning to its end", async () => {
    const id = newId();
    const running = containerd().ctr().run(id, RUN);
    await until("containerd to wait for the task", () => probe.seen("Wait", id).length > 0);
    await until("containerd to start the task", () => probe.seen("Start", id).length > 0);
    probe.tasks.get(id)?.exit(7);
    assert.equal((await running).code, 7);
    assert.equal(probe.tasks.has(id), false);
  });

  it("has its statuses understood", async () => {
    for (const [code, text] of [
      [Code.FailedPrecondition, "no room today: failed precondition"],
      [Code.NotFound, "nothing to run: not found"],
      [Code.InvalidArgument, "nonsense: invalid argument"],
      [Code.Unavailable, "on holiday: unavailable"],
    ] as const) {
      const id = newId();
      probe.refusals.set(id, new RpcError(code, text));
      const result = await containerd().ctr().run(id, RUN);
      assert.equal(result.code, 1);
      assert.ok(result.stderr.trimEnd().endsWith(`shim task: ${text}`), result.stderr);
    }
  });

  it("sends an error instead of a reply that is too long, and the task lives on", async () => {
    const id = newId();
    const ctr = containerd().ctr();
    await ctr.runDetached(id, RUN);
    probe.processCounts.set(id, 1_000_000);
    const result = await ctr.invoke(["tasks", "ps", id]);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /message length \d+ exceed maximum message size of 4194304/);
    probe.processCounts.delete(id);
    assert.equal((await ctr.processes(id))[0]?.pid, process.pid);
    await ctr.kill(id, "SIGTERM");
    await ctr.untilStatus(id, "STOPPED");
    assert.equal(await ctr.deleteTask(id), 143);
    await ctr.deleteContainer(id);
  });

  it("is told how long containerd waits", async () => {
    const id = newId();
    const ctr = containerd().ctr();
    await ctr.runDetached(id, RUN);
    assert.equal(await ctr.status(id), "RUNNING");
    const timeouts = probe.seen("State", id).map(({ context }) => context.timeoutMs);
    // Listing tasks asks each for its state and waits for two seconds.
    assert.ok(
      timeouts.some((timeoutMs) => timeoutMs !== undefined && timeoutMs > 0 && timeoutMs <= 2000),
      `State had timeouts of ${timeouts.join(", ")} ms`,
    );
    await ctr.remove(id);
  });

  it("outlives containerd, whose next process finds the task and is told of its end", async () => {
    const id = newId();
    const ctr = containerd().ctr();
    const running = ctr.runAttached(id, RUN);
    await until("containerd to wait for the task", () => probe.seen("Wait", id).length > 0);
    await until("containerd to start the task", () => probe.seen("Start", id).length > 0);
    const [wait] = probe.seen("Wait", id);
    const signal = wait?.context.signal;
    assert.equal(signal?.aborted, false);
    await containerd().end("SIGKILL");
    await until("the handler of Wait to be released", () => signal?.aborted);
    await running.wait();
    await until("the connections to be forgotten", () => probe.server.connectionCount === 0);

    await containerd().launch();
    assert.ok(probe.seen("Connect", id).length > 0);
    assert.equal(await ctr.status(id), "RUNNING");
    const attached = ctr.attach(id);
    await until("containerd to wait again", () => probe.seen("Wait", id).length > 1);
    probe.tasks.get(id)?.exit(5);
    assert.equal((await attached.wait()).code, 5);
    await ctr.deleteContainer(id);
  });
});
