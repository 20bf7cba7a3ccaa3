/**
 * Load on one shim: many execs in one pod, many calls in flight, and what is left of either. `npm test load` does as much as a
 * pod does in months, and looks at memory, too.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Any } from "../../protos/gen/google.ts";
import { Task } from "../../protos/gen/task-v2.ts";
import { BUNDLE_FILE } from "../../shim/bootstrap/bundle.ts";
import { pathOfAddress } from "../../shim/bootstrap/address.ts";
import { connect, type Client } from "../../shim/ttrpc/index.ts";
import { eachContainerd } from "../support/each-containerd.ts";
import { residents, takeLevels, untilBackAt } from "../support/idle-level.ts";
import { loadUnderTest } from "../support/load.ts";
import { hostOf } from "../support/shim-process.ts";

const { execs: EXECS, looksAtMemory } = loadUnderTest();
const CALLS = 500;
const LANES = 8;
/** Code is compiled and pools are filled by the first of them: no leaks. */
const WARM_UP = Math.max(100, EXECS / 10);

eachContainerd("a shim under load", { oursOnly: true, lines: ["1.6", "2.1"] }, (containerd) => {
  let client: Client;
  let processes: Map<string, number>;

  before(async function () {
    this.timeout(60_000);
    await containerd()
      .ctr()
      .runDetached("busy", { args: ["sleep", "100000"] });
    const { directory, namespace } = containerd();
    const bundle = join(directory, "state/io.containerd.runtime.v2.task", namespace, "busy");
    client = await connect(pathOfAddress(readFileSync(join(bundle, BUNDLE_FILE.address), "utf8")));
    processes = residents(containerd().nodeFile);
    const host = hostOf(containerd(), "busy");
    if (![...processes.values()].includes(host)) processes.set("the shim", host);
  });

  after(async () => {
    await client.close();
    await containerd().ctr().remove("busy");
  });

  async function execute(serial: number): Promise<void> {
    const process = { args: ["true"], cwd: "/", user: { uid: 0, gid: 0 }, env: ["PATH=/bin"] };
    const of = { id: "busy", execId: `load-${serial}` };
    const spec = Any.create({
      typeUrl: "types.containerd.io/opencontainers/runtime-spec/1/Process",
      value: Buffer.from(JSON.stringify(process)),
    });
    await client.call(Task, "Exec", { ...of, spec });
    await client.call(Task, "Start", of);
    const { exitStatus } = await client.call(Task, "Wait", of);
    assert.equal(exitStatus, 0);
    await client.call(Task, "Delete", of);
  }

  async function executeMany(first: number, count: number): Promise<void> {
    let next = first;
    const lane = async (): Promise<void> => {
      while (next < first + count) await execute(next++);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  it(`runs ${EXECS} execs in one pod, and has then what it had before`, async function () {
    this.timeout(EXECS * 500 + 180_000);
    await executeMany(0, WARM_UP);
    const before = await takeLevels(processes, looksAtMemory);
    await executeMany(WARM_UP, EXECS);
    await untilBackAt(before);
  });

  it(`answers ${CALLS} calls in flight, those that wait as well as those that do not`, async function () {
    this.timeout(300_000);
    const before = await takeLevels(processes, looksAtMemory);
    const of = { id: "busy", execId: "awaited" };
    const spec = Any.create({
      typeUrl: "types.containerd.io/opencontainers/runtime-spec/1/Process",
      value: Buffer.from(JSON.stringify({ args: ["sleep", "100000"], cwd: "/", env: ["PATH=/bin"] })),
    });
    await client.call(Task, "Exec", { ...of, spec });
    await client.call(Task, "Start", of);
    const waits = Array.from({ length: CALLS }, () => client.call(Task, "Wait", of));
    // Asked while as many others are under way.
    const states = await Promise.all(
      Array.from({ length: CALLS }, () => client.call(Task, "State", { id: "busy" })),
    );
    assert.ok(states.every(({ id, pid: each }) => id === "busy" && each === states[0]?.pid));
    const stats = await Promise.all(
      Array.from({ length: CALLS }, () => client.call(Task, "Stats", { id: "busy" })),
    );
    assert.ok(stats.every(({ stats: each }) => each !== undefined));
    await client.call(Task, "Kill", { ...of, signal: 9 });
    const exits = await Promise.all(waits);
    assert.deepEqual([...new Set(exits.map(({ exitStatus }) => exitStatus))], [137]);
    await client.call(Task, "Delete", of);
    await untilBackAt(before);
  });
});
