/** What a snapshotter hands over, mounted on this host for a moment. */
import { execFile } from "node:child_process";
import { mkdtemp, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { RootfsMount } from "../../../hcs/api.ts";

/** Needs root, and a Linux host. */
export async function withMounts<T>(
  mounts: readonly RootfsMount[],
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const run = promisify(execFile);
  const directory = await mkdtemp(join(tmpdir(), "runhcs-mount-"));
  let mounted = 0;
  try {
    for (const { type, source, options } of mounts) {
      await run("mount", ["-t", type, "-o", options.join(","), source, directory]);
      mounted += 1;
    }
    return await work(directory);
  } finally {
    for (; mounted > 0; mounted -= 1) await run("umount", [directory]);
    await rmdir(directory);
  }
}
