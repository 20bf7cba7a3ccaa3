/** What shims hold on to while nothing happens: pages that belong to them alone and that they have written. */
import { readFileSync } from "node:fs";
import { findKeeper } from "../../../test/support/keeper.ts";
import { until } from "../../../test/support/until.ts";
import { effort, type Bench } from "../measure.ts";
import { shimOf, type Subject } from "../subjects.ts";

const KIB_PER_MIB = 1024;

/** Private dirty memory of a process, in KiB (proc(5): smaps_rollup). */
function privateDirty(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Private_Dirty:\s+(\d+) kB/m.exec(text)?.[1]);
}

/** Longest time until memory has been given back: more than a shim waits after the last call. */
const TRIMMED_WITHIN_MS = 20_000;

/** Waits until a process has held as much for two seconds, or has had time enough to. */
async function settled(pid: number): Promise<number> {
  const deadline = performance.now() + TRIMMED_WITHIN_MS;
  let [lowest, since] = [Infinity, performance.now()];
  return until(
    "memory to settle",
    () => {
      const now = privateDirty(pid);
      if (now < lowest) [lowest, since] = [now, performance.now()];
      return performance.now() > deadline || performance.now() - since > 12_000 ? lowest : undefined;
    },
    { timeoutMs: TRIMMED_WITHIN_MS * 2 },
  );
}

export async function idleMemory(subject: Subject): Promise<number> {
  return (await settled(await shimOf(subject, subject.idleTask))) / KIB_PER_MIB;
}

const PODS = 10;

/** All processes that serve ten more pods, the keeper too. Their containers, and what stands for their VMs, are left out. */
export async function tenPods(subject: Subject, { serial }: Bench): Promise<number> {
  const ctr = subject.containerd.ctr();
  const ids = Array.from({ length: PODS }, (_, index) => `ten-${serial}-${index}`);
  for (const id of ids)
    await ctr.runDetached(id, { args: ["sleep", "100000"], runtime: subject.runtimeType });
  const pids = new Set(await Promise.all(ids.map((id) => shimOf(subject, id))));
  const keeper = subject.name === "go" ? undefined : findKeeper(subject.containerd.nodeFile);
  if (keeper !== undefined) pids.add(keeper);
  const each = await Promise.all([...pids].map((pid) => settled(pid)));
  for (const id of ids) await ctr.remove(id);
  return each.reduce((sum, one) => sum + one, 0) / KIB_PER_MIB;
}

const EXECS = { full: 10_000, quick: 100 };
/** Before growth counts: compiled code, pools and caches are not leaks. */
const WARM_UP_EXECS = 200;
const AT_ONCE = 8;

/** Growth of one shim by many execs, in KiB, from when it had done some already. */
export async function execGrowth(subject: Subject, bench: Bench): Promise<number> {
  const pid = await shimOf(subject, subject.idleTask);
  const ctr = subject.containerd.ctr();
  let next = 0;
  const run = async (count: number): Promise<void> => {
    const end = next + count;
    const lane = async (): Promise<void> => {
      while (next < end) {
        next += 1;
        await ctr.exec(subject.idleTask, `growth-${bench.serial}-${next}`, ["true"]);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
  };
  await run(WARM_UP_EXECS);
  const before = await settled(pid);
  await run(effort(bench, EXECS));
  return (await settled(pid)) - before;
}
