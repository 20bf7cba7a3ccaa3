/** Root file systems on Linux: the mount lists of containerd's snapshotters, by mount(2) and, where it takes more, mount(8). */
import { execFile } from "node:child_process";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import type { CallOptions, RootfsMount, Storage } from "../../api.ts";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { mount, MS, unmount } from "../../posix/libc.ts";
import type { Calls } from "../calls.ts";
import { platformError } from "../errors.ts";
import { parseMountOptions, PER_MOUNT_FLAGS, type MountOptions } from "./mount-options.ts";
import { readMounts } from "./mount-table.ts";
import { shortenLayers } from "./overlay-options.ts";
import { unmountTree, type Unmount } from "./unmount-tree.ts";

/** mount(2) takes a page of data, the terminating NUL included. */
const MOST_DATA = 4095;

/** Types that mount(2) mounts as they are. */
const KERNEL_TYPES: readonly string[] = ["bind", "btrfs", "erofs", "ext4", "overlay", "tmpfs", "xfs"];

/** Snapshotters of other platforms; mount(8) would only say that it does not know them. */
const FOREIGN_TYPES: readonly string[] = ["windows-layer", "lcow-layer", "CimFS", "BlockCIM"];

/** {@link Unmount} by umount2(2). */
export const unmountDirectly: Unmount = (path, detach) => unmount(path, { detach });

export class EmulatedStorage implements Storage {
  readonly mountTypes: readonly string[] = KERNEL_TYPES;
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  mount(mounts: readonly RootfsMount[], target: string, options: CallOptions = {}): Promise<void> {
    return this.#calls.run("storage.mount", { phrase: "mount root file system at", target, ...options }, () =>
      mountAll(mounts, target, options.signal),
    );
  }

  unmount(target: string, options: CallOptions = {}): Promise<void> {
    return this.#calls.run("storage.unmount", { phrase: "unmount", target, ...options }, async () => {
      let real: string;
      try {
        real = realpathSync(target);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
        throw error;
      }
      await unmountTree(real, unmountDirectly);
    });
  }

  /** The worker of a VM opens files as root: there is nothing to grant but the file must be there. */
  grantVmAccess(vmId: string, path: string, options: CallOptions = {}): Promise<void> {
    const call = { phrase: `grant VM ${vmId} access to`, target: path, ...options };
    return this.#calls.run("storage.grantVmAccess", call, () => {
      realpathSync(path);
    });
  }

  grantVmGroupAccess(path: string, _accessMask: number, options: CallOptions = {}): Promise<void> {
    const call = { phrase: "grant VMs access to", target: path, ...options };
    return this.#calls.run("storage.grantVmGroupAccess", call, () => {
      realpathSync(path);
    });
  }
}

async function mountAll(
  mounts: readonly RootfsMount[],
  target: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const done: string[] = [];
  try {
    for (const [index, one] of mounts.entries()) {
      signal?.throwIfAborted();
      const directory = resolveTarget(target, one, index);
      await mountOne(one, index, directory, signal);
      done.push(directory);
    }
    signal?.throwIfAborted();
  } catch (error) {
    undo(done, error);
    throw error;
  }
}

function undo(done: readonly string[], cause: unknown): void {
  for (const directory of [...done].reverse()) {
    try {
      unmount(directory, { detach: true });
    } catch (error) {
      const detail = `the mount failed, and so did undoing it: ${error instanceof Error ? error.message : String(error)}`;
      throw new HcsError({ operation: "unmount", target: directory, hresult: HRESULT.failed, detail, cause });
    }
  }
}

/** A sub-path is followed inside the root file system and must stay there. */
function resolveTarget(root: string, one: RootfsMount, index: number): string {
  const real = realpathSync(root);
  const directory = realpathSync(join(real, one.target));
  if (directory === real || directory.startsWith(`${real}/`)) return directory;
  throw new HcsError({
    operation: "mount root file system at",
    target: root,
    hresult: HRESULT.invalidArgument,
    detail: `mount ${index}: target "${one.target}" leads out of the root file system`,
  });
}

async function mountOne(
  one: RootfsMount,
  index: number,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options = parseMountOptions(one.options);
  const refuse = (hresult: number, detail: string, cause?: unknown): never => {
    const what = `mount ${index} (${one.type} from "${one.source}"): ${detail}`;
    throw new HcsError({
      operation: "mount root file system at",
      target: directory,
      hresult,
      detail: what,
      cause,
    });
  };
  if (FOREIGN_TYPES.includes(one.type)) {
    refuse(HRESULT.notSupported, `this type needs Windows; here are ${KERNEL_TYPES.join(", ")}`);
  }
  const isBind = (options.flags & MS.bind) !== 0 || one.type === "bind";
  try {
    if (options.loop || (!isBind && !KERNEL_TYPES.includes(one.type))) {
      await mountOrNothing(one, directory, signal);
    } else if (isBind) {
      mountBind(one.source, directory, options);
    } else {
      mountFileSystem(one, directory, options);
    }
    if (options.propagation !== 0) mount({ target: directory, flags: options.propagation });
  } catch (error) {
    const known = platformError("mount root file system at", directory, error, signal);
    if (known === error || !(known instanceof HcsError)) throw error;
    refuse(known.hresult, known.detail ?? "", error);
  }
}

/** The flags of a bind mount take a second call (mount(2), "Remounting an existing mount"). */
function mountBind(source: string, target: string, { flags }: MountOptions): void {
  mount({ source, target, flags: MS.bind | (flags & MS.rec) });
  const own = flags & PER_MOUNT_FLAGS;
  if (own === 0) return;
  try {
    mount({ target, flags: MS.remount | MS.bind | own });
  } catch (error) {
    unmount(target, { detach: true });
    throw error;
  }
}

function mountFileSystem(one: RootfsMount, target: string, { flags, data }: MountOptions): void {
  const call = { source: one.source, target, type: one.type, flags };
  const text = data.join(",");
  if (Buffer.byteLength(text) <= MOST_DATA) {
    mount({ ...call, data: text });
    return;
  }
  const shortened = shortenLayers(data);
  const short = shortened?.data.join(",") ?? text;
  if (shortened === undefined || Buffer.byteLength(short) > MOST_DATA) {
    throw new HcsError({
      operation: "mount root file system at",
      target,
      hresult: HRESULT.invalidArgument,
      detail: `options have ${Buffer.byteLength(short)} bytes, the kernel takes ${MOST_DATA}: too many layers`,
    });
  }
  // Nothing else runs between the two changes of directory: all three calls are synchronous.
  const before = process.cwd();
  process.chdir(shortened.directory);
  try {
    mount({ ...call, data: short });
  } finally {
    process.chdir(before);
  }
}

/** A program that is ended, or fails late, may have mounted before. */
async function mountOrNothing(
  one: RootfsMount,
  target: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const count = (): number => readMounts().filter(({ mountPoint }) => mountPoint === target).length;
  const before = count();
  try {
    await mountByProgram(one, target, signal);
  } catch (error) {
    if (count() > before) unmount(target, { detach: true });
    throw error;
  }
}

function mountByProgram(one: RootfsMount, target: string, signal: AbortSignal | undefined): Promise<void> {
  const options = one.options.length === 0 ? [] : ["-o", one.options.join(",")];
  return new Promise((resolve, reject) => {
    const settings = signal === undefined ? {} : { signal };
    execFile(
      "mount",
      ["-t", one.type, ...options, "--", one.source, target],
      settings,
      (error, _, stderr) => {
        if (error === null) resolve();
        else if (signal?.aborted === true) reject(signal.reason as Error);
        else reject(new Error(`mount: ${stderr.trim() || error.message}`));
      },
    );
  });
}
