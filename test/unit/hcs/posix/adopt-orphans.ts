/** A subreaper whose grandchildren become its children; prints what it learns of their ends as JSON. */
import { execFileSync } from "node:child_process";
import { becomeSubreaper, peekExitedChild, reapChild } from "../../../../hcs/posix/libc.ts";
import { until } from "../../../support/until.ts";

becomeSubreaper();
const pids: number[] = [];
const statuses: number[] = [];
for (const last of ["exit 7", "kill -9 $$"]) {
  // The shell in between ends at once; its own child waits for that, and is an orphan by then.
  const line = `sh -c 'while [ "$(cut -d" " -f4 /proc/$$/stat)" = '$$' ]; do :; done; ${last}' >/dev/null & echo $!`;
  const pid = Number(execFileSync("sh", ["-c", line], { encoding: "utf8" }));
  const exited = await until("the orphan to end", () => {
    const child = peekExitedChild();
    return child?.pid === pid && child;
  });
  const reaped = reapChild(pid);
  if (reaped?.status !== exited.status) throw new Error(`peeked ${exited.status}, reaped ${reaped?.status}`);
  pids.push(pid);
  statuses.push(exited.status);
}
const again = pids.map((pid) => reapChild(pid) ?? null);
console.log(JSON.stringify({ statuses, again, left: peekExitedChild() ?? null }));
