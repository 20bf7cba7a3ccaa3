/** A root file system for a user namespace: the same files, owned by the ids that the namespace's ids stand for. */
import { cp, lchown, lstat, readdir, chmod } from "node:fs/promises";
import { join } from "node:path";
import type { RootfsIdMapping } from "../engine.ts";

/** Copies `source` into `target`, an empty directory, and adds to the owners of everything. */
export async function shiftOwners(source: string, target: string, mapping: RootfsIdMapping): Promise<void> {
  await cp(source, target, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  await shift(source, target, mapping);
}

/** Adds to the owners of everything in a directory. */
export function shiftOwnersInPlace(directory: string, mapping: RootfsIdMapping): Promise<void> {
  return shift(directory, directory, mapping);
}

async function shift(source: string, target: string, mapping: RootfsIdMapping): Promise<void> {
  const { uid, gid, mode, nlink } = await lstat(source);
  // Another name of a file that was shifted under its first.
  const isDone = source === target && nlink > 1 && uid >= mapping.uid && !(await lstat(source)).isDirectory();
  if (isDone) return;
  await lchown(target, uid + mapping.uid, gid + mapping.gid);
  const found = await lstat(target);
  // After the owner, whose change takes the set-id bits away.
  if (!found.isSymbolicLink()) await chmod(target, mode & 0o7777);
  if (!found.isDirectory()) return;
  for (const name of await readdir(source)) await shift(join(source, name), join(target, name), mapping);
}
