/** Removing every mount at and below a directory, whatever lies on top of what. */
import { execFile } from "node:child_process";
import { mountsAtOrBelow, type MountEntry } from "./mount-table.ts";

/**
 * Takes the topmost mount off `path`. `detach`: out of the tree now, released with its last user. Throws when the
 * kernel refuses.
 */
export type Unmount = (path: string, detach: boolean) => void | Promise<void>;

/** {@link Unmount} by umount(8), for programs that do not load the FFI package. */
export const unmountByProgram: Unmount = (path, detach) =>
  new Promise((resolve, reject) => {
    // --no-canonicalize: the path comes from the kernel, and a dead file system must not be walked.
    const options = ["--no-canonicalize", ...(detach ? ["--lazy"] : [])];
    execFile("umount", [...options, "--", path], (error, _, stderr) => {
      if (error === null) resolve();
      else reject(new Error(`umount ${path}: ${stderr.trim() || error.message}`));
    });
  });

/**
 * Unmounts everything at and below `root`, an absolute path without symbolic links. A tree without mounts is success.
 *
 * Passes over the tree until nothing is left: a mount that others cover cannot be reached before those are off. When
 * a pass achieves nothing, somebody still uses what is left; then it is detached, so that it goes with its last user.
 *
 * @throws when mounts are left that the kernel does not even detach; its `cause` is the last refusal
 */
export async function unmountTree(root: string, unmount: Unmount): Promise<void> {
  let detach = false;
  for (let left = topFirst(mountsAtOrBelow(root)); left.length > 0;) {
    let refusal: unknown;
    for (const { mountPoint } of left) {
      try {
        await unmount(mountPoint, detach);
      } catch (error) {
        // Covered, in use, or taken off by another process meanwhile: the next look at the table tells which.
        refusal = error;
      }
    }
    const now = topFirst(mountsAtOrBelow(root));
    if (now.length >= left.length) {
      if (detach) {
        const paths = now.map(({ mountPoint }) => mountPoint).join(", ");
        throw new Error(`cannot unmount "${root}": still mounted: ${paths}`, { cause: refusal });
      }
      detach = true;
    }
    left = now;
  }
}

/** Later mounts before earlier ones; what lies below another mount before that one. */
function topFirst(mounts: readonly MountEntry[]): MountEntry[] {
  const depth = (entry: MountEntry): number => entry.mountPoint.split("/").length;
  return [...mounts].reverse().sort((a, b) => depth(b) - depth(a));
}
