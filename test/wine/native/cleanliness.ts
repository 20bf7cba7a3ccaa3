/** What every test leaves behind: nothing. */
import assert from "node:assert/strict";
import { until } from "../../support/until.ts";
import { ask } from "./rig.ts";

/** Closing goes on in the background; a busy machine takes its time. */
const LIMIT_MS = 60_000;

/** Waits until the DLLs have no open handles and no results that nobody freed, and fails when they complained of anything. */
export async function assertClean(): Promise<void> {
  let open: Record<string, number> = {};
  await until(
    "handles to be closed and results to be freed",
    async () => {
      open = await openThings();
      return Object.keys(open).length === 0;
    },
    { timeoutMs: LIMIT_MS, state: () => JSON.stringify(open) },
  );
  assert.deepEqual(await ask("takeViolations"), []);
}

/** Counts of what is open in the stand-in DLLs of this process, without zeros. */
async function openThings(): Promise<Record<string, number>> {
  const open: Record<string, number> = {};
  for (const { library, counts } of await ask("report", process.pid)) {
    for (const [kind, count] of Object.entries(counts))
      if (kind !== "processHandles" && count > 0) open[`${library} ${kind}`] = count;
  }
  return open;
}
