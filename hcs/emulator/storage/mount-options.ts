/**
 * Mount option strings as mount(2) wants them: what names a flag becomes one, the rest is the file system's data.
 * Names and meanings: mount(8), "FILESYSTEM-INDEPENDENT MOUNT OPTIONS".
 */
import { MS } from "../../posix/libc.ts";

export interface MountOptions {
  /** Flags of the mount itself. */
  readonly flags: number;
  /** Change of propagation, made after the mount; 0 for none. */
  readonly propagation: number;
  /** Options for the file system, in the order given. */
  readonly data: readonly string[];
  /** Needs mount(8): a loop device has to be set up. */
  readonly loop: boolean;
}

const { bind, dirsync, lazytime, mandlock, noatime, nodev, nodiratime, noexec, nosuid, rdonly, rec } = MS;
const { relatime, remount, silent, strictatime, synchronous } = MS;
const UNBINDABLE = 1 << 17;

/** Flags that an option sets or clears. */
const FLAGS: Readonly<Record<string, { readonly set?: number; readonly clear?: number }>> = {
  async: { clear: synchronous },
  atime: { clear: noatime },
  bind: { set: bind },
  defaults: {},
  dev: { clear: nodev },
  diratime: { clear: nodiratime },
  dirsync: { set: dirsync },
  exec: { clear: noexec },
  lazytime: { set: lazytime },
  loud: { clear: silent },
  mand: { set: mandlock },
  noatime: { set: noatime },
  nodev: { set: nodev },
  nodiratime: { set: nodiratime },
  noexec: { set: noexec },
  nolazytime: { clear: lazytime },
  nomand: { clear: mandlock },
  norelatime: { clear: relatime },
  nostrictatime: { clear: strictatime },
  nosuid: { set: nosuid },
  rbind: { set: bind | rec },
  relatime: { set: relatime },
  remount: { set: remount },
  ro: { set: rdonly },
  rw: { clear: rdonly },
  silent: { set: silent },
  strictatime: { set: strictatime },
  suid: { clear: nosuid },
  sync: { set: synchronous },
};

const PROPAGATION: Readonly<Record<string, number>> = {
  private: MS.private,
  rprivate: MS.private | rec,
  rshared: MS.shared | rec,
  rslave: MS.slave | rec,
  runbindable: UNBINDABLE | rec,
  shared: MS.shared,
  slave: MS.slave,
  unbindable: UNBINDABLE,
};

/** For mount(8) and fstab(5) alone; the kernel must not see them. */
const USER_SPACE = /^(_netdev|auto|comment=.*|group|noauto|nofail|nouser|owner|user|users|x-.*|X-.*)$/;

/** Flags that a bind mount can have of its own; the kernel takes them only with a second, remounting call. */
export const PER_MOUNT_FLAGS: number =
  rdonly | nosuid | nodev | noexec | noatime | nodiratime | relatime | strictatime;

export function parseMountOptions(options: readonly string[]): MountOptions {
  let flags = 0;
  let propagation = 0;
  let loop = false;
  const data: string[] = [];
  for (const option of options) {
    const flag = Object.hasOwn(FLAGS, option) ? FLAGS[option] : undefined;
    if (flag !== undefined) flags = (flags & ~(flag.clear ?? 0)) | (flag.set ?? 0);
    else if (Object.hasOwn(PROPAGATION, option)) propagation = PROPAGATION[option] ?? 0;
    else if (option === "loop" || option.startsWith("loop=")) loop = true;
    else if (option !== "" && !USER_SPACE.test(option)) data.push(option);
  }
  return { flags, propagation, data, loop };
}
