/** What processes hold while nothing happens, to be compared with what they hold after a lot has. */
import { readdirSync } from "node:fs";
import { findKeeper, hostingUnderTest, membersOf } from "./keeper.ts";
import { privateDirty, settledDirty } from "./proc.ts";
import { sparesOf } from "./spare-workers.ts";
import { until } from "./until.ts";

/** What garbage collection leaves more or less of, and what a process may grow by before it is trimmed, in KiB. */
const SLACK_KIB = 1536;
const SHARED = "the shared process";
const KIB_PER_MIB = 1024;
/** More than a shim waits after the last call, on a machine that is busy. */
const GIVEN_BACK_WITHIN_MS = 90_000;

export interface IdleLevel {
  /** For messages: `the keeper`. */
  readonly name: string;
  readonly pid: number;
  readonly descriptors: number;
  /** Private dirty memory in KiB; undefined where nobody looks at it. */
  readonly dirty: number | undefined;
}

/** How many descriptors a process has open. */
function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** The processes of a node that outlive pods, by name: none where each pod has a process of its own. */
export function residents(nodeFile: string): Map<string, number> {
  const found = new Map<string, number>();
  const keeper = findKeeper(nodeFile);
  if (keeper !== undefined) found.set("the keeper", keeper);
  const [shared] = hostingUnderTest() === "shared" ? membersOf(nodeFile) : [];
  if (shared !== undefined) found.set(SHARED, shared.pid);
  return found;
}

/** Takes down what processes hold. @param looksAtMemory waits until memory has settled, which takes half a minute */
export function takeLevels(
  processes: ReadonlyMap<string, number>,
  looksAtMemory: boolean,
): Promise<IdleLevel[]> {
  return Promise.all(
    [...processes].map(async ([name, pid]) => {
      await untilPrepared(name, pid);
      const dirty = looksAtMemory ? await settledDirty(pid) : undefined;
      return { name, pid, descriptors: descriptorsOf(pid), dirty };
    }),
  );
}

/**
 * Waits until each process holds no more than it did.
 *
 * @throws when one still does after a time in which it should have given everything back, with what it holds
 */
export async function untilBackAt(levels: readonly IdleLevel[]): Promise<void> {
  for (const { name, pid, descriptors, dirty } of levels) {
    await untilPrepared(name, pid);
    await until(`${name} to close descriptors`, () => descriptorsOf(pid) <= descriptors, {
      timeoutMs: GIVEN_BACK_WITHIN_MS,
      state: () => `${descriptors} before, ${descriptorsOf(pid)} now`,
    });
    if (dirty === undefined) continue;
    await until(`${name} to give memory back`, () => privateDirty(pid) <= dirty + SLACK_KIB, {
      timeoutMs: GIVEN_BACK_WITHIN_MS,
      state: () => `${dirty} KiB before, ${privateDirty(pid)} now`,
    });
    console.log(`      ${name}: ${inMib(dirty)} MiB private dirty before, ${inMib(privateDirty(pid))} after`);
  }
}

/** The worker that a shared process has booted for its next pod is part of its level, and comes some time after the last. */
async function untilPrepared(name: string, pid: number): Promise<void> {
  if (name !== SHARED) return;
  await until(`${name} to have a VM ready`, () => sparesOf(pid).some(({ isReady }) => isReady), {
    timeoutMs: GIVEN_BACK_WITHIN_MS,
  });
}

function inMib(kib: number): string {
  return (kib / KIB_PER_MIB).toFixed(1);
}
