/** Mounts that the host asks for: shared directories and the union of a container's layers. */
import { existsSync, mkdirSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { mount, MS, unmount } from "../../posix/libc.ts";
import { mountsAtOrBelow } from "../storage/mount-table.ts";
import { shortenLayers } from "../storage/overlay-options.ts";
import { GuestError, RESULT } from "./errors.ts";
import { ownPath } from "./guest-path.ts";
import type { CombinedLayersSettings, MappedDirectorySettings } from "./requests.ts";

/** Where the worker shows the host's Plan9 shares. */
const PLAN9_SHARES = "/run/shares/plan9";

/** mount(2) takes one page of options, its last byte included. */
const MAX_MOUNT_DATA_BYTES = 4095;

/** Shows a Plan9 share at `MountPath`. A real guest dials the share's port; here the share is there already. */
export function addMappedDirectory(settings: MappedDirectorySettings): void {
  const target = ownPath(settings.MountPath, "MountPath");
  const name = settings.ShareName ?? "";
  const source = join(PLAN9_SHARES, name);
  if (name === "" || name.includes("/") || name.startsWith(".") || !existsSync(source)) {
    throw new GuestError(
      RESULT.failed,
      `cannot mount share "${name}" on "${target}": the host has not added it`,
    );
  }
  // Root of a user namespace is nobody out here: it passes through, and reads nothing.
  mkdirSync(target, { recursive: true, mode: 0o711 });
  mount({ source, target, flags: MS.bind | MS.rec });
  if (settings.ReadOnly !== true) return;
  try {
    // A bind takes over no flags: each mount of the tree is made read-only by itself.
    for (const { mountPoint } of mountsAtOrBelow(target)) {
      mount({ target: mountPoint, flags: MS.remount | MS.bind | MS.rdonly });
    }
  } catch (error) {
    unmountTree(target);
    throw error;
  }
}

export function removeMappedDirectory(settings: MappedDirectorySettings): void {
  removeMountPoint(ownPath(settings.MountPath, "MountPath"));
}

/** Mounts layers (top first) and scratch as one file system; without scratch it is read-only. */
export function addCombinedLayers(settings: CombinedLayersSettings): void {
  const target = ownPath(settings.ContainerRootPath, "ContainerRootPath");
  const layers = (settings.Layers ?? []).map(({ Path }) => ownPath(Path, "Path of a layer"));
  if (layers.length === 0)
    throw new GuestError(RESULT.failed, `cannot combine layers on "${target}": there are none`);
  for (const path of layers) requireDirectory(path, target);
  mkdirSync(target, { recursive: true, mode: 0o755 });
  if (settings.ScratchPath !== undefined && settings.ScratchPath !== "") {
    const scratch = ownPath(settings.ScratchPath, "ScratchPath");
    const upper = join(scratch, "upper");
    const work = join(scratch, "work");
    for (const directory of [upper, work]) mkdirSync(directory, { recursive: true, mode: 0o755 });
    mountOverlay(target, layers, [`upperdir=${escapeOption(upper)}`, `workdir=${escapeOption(work)}`]);
    return;
  }
  // A single layer is no union to overlayfs: without an upper directory it wants two.
  if (layers.length > 1) {
    mountOverlay(target, layers, []);
    return;
  }
  mount({ source: layers[0] as string, target, flags: MS.bind });
  mount({ target, flags: MS.remount | MS.bind | MS.rdonly });
}

/** A path that does not exist is success. */
export function removeCombinedLayers(settings: CombinedLayersSettings): void {
  removeMountPoint(ownPath(settings.ContainerRootPath, "ContainerRootPath"));
}

/** Unmounts everything at and below `path`, the innermost first. */
export function unmountTree(path: string): void {
  for (const { mountPoint } of mountsAtOrBelow(path).reverse()) unmount(mountPoint);
}

/** Unmounts everything at and below `path` and removes it, unless it holds files of its own. */
export function removeMountPoint(path: string): void {
  if (!existsSync(path)) return;
  unmountTree(path);
  try {
    rmdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // It held files before something was mounted over it: they are not ours to remove.
    if (code !== "ENOTEMPTY" && code !== "ENOENT") throw error;
  }
}

function mountOverlay(target: string, layers: readonly string[], options: readonly string[]): void {
  const mountWith = (data: string): void =>
    mount({ source: "overlay", target, type: "overlay", flags: options.length === 0 ? MS.rdonly : 0, data });
  const all = [`lowerdir=${layers.map(escapeLayer).join(":")}`, ...options];
  if (Buffer.byteLength(all.join(",")) <= MAX_MOUNT_DATA_BYTES) {
    mountWith(all.join(","));
    return;
  }
  // Of options longer than a page the kernel would take what fits.
  const shortened = shortenLayers(all);
  const data = shortened?.data.join(",");
  if (shortened === undefined || data === undefined || Buffer.byteLength(data) > MAX_MOUNT_DATA_BYTES) {
    const reason = `the paths of ${layers.length} layers do not fit the ${MAX_MOUNT_DATA_BYTES} bytes of mount options`;
    throw new GuestError(RESULT.failed, `cannot combine layers on "${target}": ${reason}`);
  }
  // Nothing else depends on the working directory, and it is changed for the call alone.
  const previous = process.cwd();
  process.chdir(shortened.directory);
  try {
    mountWith(data);
  } finally {
    process.chdir(previous);
  }
}

/** In overlay options a comma ends an option, a backslash protects. */
export function escapeOption(path: string): string {
  return path.replace(/[\\,]/g, "\\$&");
}

/** … and among the layers a colon ends a path. */
export function escapeLayer(path: string): string {
  return path.replace(/[\\,:]/g, "\\$&");
}

function requireDirectory(path: string, target: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new GuestError(
    RESULT.failed,
    `cannot combine layers on "${target}": layer "${path}" is not a directory`,
  );
}
