/** What shims hold on to while nothing happens: pages that belong to them alone and that they have written. */
import { findKeeper } from "../../../test/support/keeper.ts";
import { settledDirty } from "../../../test/support/proc.ts";
import { effort, type Bench } from "../measure.ts";
import { shimOf, type Subject } from "../subjects.ts";

const KIB_PER_MIB = 1024;

export async function idleMemory(subject: Subject): Promise<number> {
  return (await settledDirty(await shimOf(subject, subject.idleTask))) / KIB_PER_MIB;
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
  const each = await Promise.all([...pids].map((pid) => settledDirty(pid)));
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
  const before = await settledDirty(pid);
  await run(effort(bench, EXECS));
  return (await settledDirty(pid)) - before;
}
