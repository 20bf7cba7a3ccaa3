/** Small files of a root file system on this host, without leaving it. */
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";

/** @param paths relative. Whoever is behind a symbolic link, in any component, is left out. */
export async function readPlainFiles(root: string, paths: readonly string[]): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const path of paths) {
    if (await isPlain(root, path)) files.set(path, await readFile(join(root, path)));
  }
  return files;
}

async function isPlain(root: string, path: string): Promise<boolean> {
  const parts = path.split("/");
  for (const [index] of parts.entries()) {
    const found = await lstat(join(root, ...parts.slice(0, index + 1))).catch(() => undefined);
    const isLast = index === parts.length - 1;
    if (found === undefined || (isLast ? !found.isFile() : !found.isDirectory())) return false;
  }
  return true;
}
