/** Temporary directories with short names: a unix socket's path may have 107 characters, whatever is below it. */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";

/**
 * A new directory `/tmp/<prefix>XXXXXX`. Not TMPDIR, which may be long.
 */
export async function makeShortDirectory(prefix: string): Promise<string> {
  return mkdtemp(join("/tmp", prefix));
}
