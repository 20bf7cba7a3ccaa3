/**
 * Images of Windows in stores of Linux. A snapshotter there makes one overlay of an image's layers, each of which is a
 * folder as Windows has them; they are to be merged by what is in them, not as they are.
 */
import { textOption, type RootfsMount } from "../rootfs.ts";

/** The layers that an overlay mount is made of, in the words of a snapshotter of Windows. Other mounts stay as they are. */
export function foldersOfOverlay(mount: RootfsMount): RootfsMount {
  const lower = textOption(mount, "lowerdir");
  const upper = textOption(mount, "upperdir");
  if (mount.type !== "overlay" || lower === undefined || upper === undefined) return mount;
  // A colon in a path has a backslash before it (overlayfs).
  const parents = lower.split(/(?<!\\):/).map((path) => path.replaceAll("\\:", ":"));
  return {
    type: "windows-layer",
    source: upper,
    target: mount.target,
    options: [`parentLayerPaths=${JSON.stringify(parents)}`],
  };
}
