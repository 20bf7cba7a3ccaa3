/** What a worker that was booted ahead gets when it becomes that of a system: everything that others are born with. */
import { closeSync, readFileSync, writeFileSync } from "node:fs";
import { copyMounts, nameFile, sendDescriptor } from "../../posix/libc.ts";
import { descriptorOf } from "../socket-descriptor.ts";
import { childrenOf } from "./process-identity.ts";
import type { SpareWorker } from "./spare-workers.ts";
import { systemPaths } from "./system-file.ts";

/**
 * Has `spare` become the worker of the system in `directory`, whose shares are mounted. It says over its handle when it is.
 *
 * @throws when it has ended, or the kernel cannot do what this takes: then any other worker will do
 */
export function assignSpare(spare: SpareWorker, directory: string): void {
  const paths = systemPaths(directory);
  nameFile(spare.log, paths.workerLog);
  inheritOomScore(spare);
  const shares = copyMounts(paths.shares);
  try {
    sendDescriptor(descriptorOf(spare.sharesSocket, "cannot hand over shares"), shares);
  } finally {
    closeSync(shares);
    spare.sharesSocket.destroy();
  }
  spare.link.send({ op: "become", directory });
}

/** What containers inherit from their VM is what it would have inherited now. */
function inheritOomScore({ pid }: SpareWorker): void {
  const own = readFileSync("/proc/self/oom_score_adj", "utf8");
  for (const one of [pid, ...childrenOf(pid).map((child) => child.pid)])
    writeFileSync(`/proc/${one}/oom_score_adj`, own);
}
