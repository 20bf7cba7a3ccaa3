/** Temporary directories with short names: a unix socket's path may have 107 characters, whatever is below it. */
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";

/**
 * A new directory `/tmp/<prefix>XXXXXX`. Not TMPDIR, which may be long.
 */
export async function makeShortDirectory(prefix: string): Promise<string> {
  return mkdtemp(join("/tmp", prefix));
}

const scratch: string[] = [];

/**
 * The same, removed when this process ends with all that is in it. Not for what something may be mounted on: files of the
 * mount would go too.
 */
export async function makeScratchDirectory(prefix: string): Promise<string> {
  if (scratch.length === 0)
    process.once("exit", () => scratch.forEach((path) => rmSync(path, { recursive: true, force: true })));
  const directory = await makeShortDirectory(prefix);
  scratch.push(directory);
  return directory;
}
