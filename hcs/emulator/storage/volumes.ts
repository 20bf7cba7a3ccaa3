/**
 * Volumes of scratch layers: where they are mounted, and taking them away from outside. Loads no FFI package.
 *
 * ```
 * <state>/volumes/<GUID>/    a scratch disk; its Wine prefix in `prefix/`, drive C: in `prefix/drive_c/`
 * ```
 */
import { readdirSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { nameGuid } from "../guid.ts";
import { unmountTree, type Unmount } from "./unmount-tree.ts";

/** Volumes of scratch layers are named after the paths of those. */
const VOLUME_SPACE = "9e1b4f0a-5c1e-4e57-9d3c-6a5f0b8d7c21";

/** GUID of the volume that the scratch in `path` is mounted as. */
export function volumeIdOf(path: string): string {
  return nameGuid(VOLUME_SPACE, path.replace(/\/+$/, ""));
}

export function volumeDirectory(stateDirectory: string, id: string): string {
  return join(stateDirectory, "volumes", id);
}

/** Unmounts the volume in `directory`, with everything below it. One that is not there is success. */
export async function removeVolume(directory: string, unmount: Unmount): Promise<void> {
  await unmountTree(directory, unmount);
  for (const path of [directory, dirname(directory), dirname(dirname(directory))]) {
    try {
      if (readdirSync(path).length === 0) rmdirSync(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "ENOTEMPTY" && code !== "EBUSY") throw error;
    }
  }
}
