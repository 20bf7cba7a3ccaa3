/**
 * Plan9 shares of a VM: bind mounts below the system's shares directory, which the worker sees. Everything up to the
 * mount's appearance there is synchronous, so that a share is either there or not.
 */
import { mkdirSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { mount, MS, unmount } from "../../posix/libc.ts";
import { PLAN9_FLAG, type Plan9Share } from "../../schema/modify.ts";
import { requireShape } from "../systems/document.ts";
import { parseMountOptions, PER_MOUNT_FLAGS } from "./mount-options.ts";
import { mountsAtOrBelow, readMounts, type MountEntry } from "./mount-table.ts";
import { integer, list, nonEmptyString, object, required, type Members, type Shape } from "../shape.ts";
import { unmountDirectly } from "./storage.ts";
import { unmountTree } from "./unmount-tree.ts";
import type { HostPaths } from "../systems/state-directory.ts";

/** Which request an error is about. */
export interface ModifyTarget {
  readonly operation: string;
  readonly id: string;
}

const PORTS = integer({ min: 1, max: 0xffff_ffff });
/** Known to Windows: case sensitivity, share root identity, unlimited connections. They mean nothing to a bind mount. */
const OTHER_FLAGS = 0x8 | 0x10 | 0x100;
const KNOWN_FLAGS =
  PLAN9_FLAG.readOnly | PLAN9_FLAG.linuxMetadata | PLAN9_FLAG.restrictFileAccess | OTHER_FLAGS;

const NAMES: Members = {
  Name: required(nonEmptyString),
  AccessName: required(nonEmptyString),
  Port: required(PORTS),
};
const ADDED: Shape = object({
  ...NAMES,
  Path: required(nonEmptyString),
  Flags: integer({ max: 0xffff_ffff }),
  AllowedFiles: list(nonEmptyString),
});
const REMOVED: Shape = object(NAMES);

/** Adds the share that `settings` describe. */
export function addPlan9Share(paths: HostPaths, settings: unknown, { operation, id }: ModifyTarget): void {
  requireShape(settings, ADDED, operation, id);
  const share = settings as Plan9Share & { Path: string };
  const refuse = (hresult: number, detail: string, cause?: unknown): never => {
    throw new HcsError({
      operation,
      target: id,
      hresult,
      detail: `Plan9 share "${share.Name}": ${detail}`,
      cause,
    });
  };
  checkNames(share, refuse);
  const flags = share.Flags ?? 0;
  const unknown = flags & ~KNOWN_FLAGS;
  if (unknown !== 0) refuse(HRESULT.invalidArgument, `unknown flags 0x${(unknown >>> 0).toString(16)}`);
  const restricted = (flags & PLAN9_FLAG.restrictFileAccess) !== 0;
  const files = share.AllowedFiles ?? [];
  if (restricted !== files.length > 0) {
    refuse(HRESULT.invalidArgument, "AllowedFiles and the flag that restricts file access go together");
  }
  const wrong = files.find((name) => !isFileName(name));
  if (wrong !== undefined)
    refuse(HRESULT.invalidArgument, `AllowedFiles has "${wrong}", which is no bare file name`);
  for (const path of [share.Path, ...files.map((name) => join(share.Path, name))]) {
    if (statSync(path, { throwIfNoEntry: false }) === undefined)
      refuse(HRESULT.fileNotFound, `"${path}" does not exist`);
  }
  if (!statSync(share.Path).isDirectory())
    refuse(HRESULT.invalidArgument, `"${share.Path}" is not a directory`);
  const view = { path: share.Path, readOnly: (flags & PLAN9_FLAG.readOnly) !== 0 };
  showDirectory(paths, join(paths.plan9Shares, share.Name), restricted ? { ...view, files } : view, refuse);
}

/** A directory of the host, as a VM is to see it. */
export interface SharedView {
  readonly path: string;
  readonly readOnly: boolean;
  /** Names of the files that are shown; absent: everything. */
  readonly files?: readonly string[];
}

/** Makes `target` below the system's shares show a directory of the host, from one moment to the next. */
export function showDirectory(
  paths: HostPaths,
  target: string,
  { path, readOnly, files }: SharedView,
  refuse: (hresult: number, detail: string, cause?: unknown) => never,
): void {
  try {
    mkdirSync(target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    refuse(HRESULT.alreadyExistsWin32, "it is already there", error);
  }
  const stage = join(paths.staging, basename(target));
  try {
    mkdirSync(stage);
    try {
      prepare(stage, path, files, readOnly);
      // The worker gets copies of mounts with the options they have at this moment; later changes do not reach it.
      mount({ source: stage, target, flags: MS.bind | MS.rec });
    } finally {
      dropStage(stage);
    }
  } catch (error) {
    rmdirSync(target);
    throw error;
  }
}

/** Removes the share that `settings` name. */
export async function removePlan9Share(
  paths: HostPaths,
  settings: unknown,
  { operation, id }: ModifyTarget,
): Promise<void> {
  requireShape(settings, REMOVED, operation, id);
  const share = settings as Plan9Share;
  const refuse = (hresult: number, detail: string): never => {
    throw new HcsError({ operation, target: id, hresult, detail: `Plan9 share "${share.Name}": ${detail}` });
  };
  checkNames(share, refuse);
  const target = join(paths.plan9Shares, share.Name);
  if (statSync(target, { throwIfNoEntry: false }) === undefined)
    refuse(HRESULT.elementNotFound, "no such share");
  await unmountTree(target, unmountDirectly);
  rmdirSync(target);
}

function checkNames(share: Plan9Share, refuse: (hresult: number, detail: string) => never): void {
  if (!isFileName(share.Name)) refuse(HRESULT.invalidArgument, "Name must be usable as a file name");
  if (share.AccessName !== share.Name) {
    refuse(HRESULT.invalidArgument, `AccessName must be the same as Name: "${share.AccessName}"`);
  }
}

const LONGEST_NAME = 255;

export function isFileName(name: string): boolean {
  return name !== "." && name !== ".." && !/[/\0]/.test(name) && Buffer.byteLength(name) <= LONGEST_NAME;
}

/**
 * Builds the share's view at `stage`. Its mounts are private copies: taking them off, here or later among the shares,
 * must not take anything off the directory they come from.
 */
function prepare(
  stage: string,
  source: string,
  files: readonly string[] | undefined,
  readOnly: boolean,
): void {
  if (files === undefined) {
    mount({ source, target: stage, flags: MS.bind | MS.rec });
    mount({ target: stage, flags: MS.private | MS.rec });
    if (readOnly) mountsAtOrBelow(stage).forEach((entry) => makeReadOnly(entry));
    return;
  }
  mount({
    source: "tmpfs",
    target: stage,
    type: "tmpfs",
    flags: MS.nosuid | MS.nodev,
    data: "mode=0755,size=64k",
  });
  mount({ target: stage, flags: MS.private });
  for (const name of files) {
    const file = join(stage, name);
    writeFileSync(file, "");
    mount({ source: join(source, name), target: file, flags: MS.bind });
    mount({ target: file, flags: MS.private });
  }
  const entries = mountsAtOrBelow(stage);
  // The directory itself never takes new files; the allowed ones are as writable as the share.
  for (const entry of entries) if (readOnly || entry.mountPoint === stage) makeReadOnly(entry);
}

/** Changes the reachable mount `entry`; one that others cover is not seen by anybody. */
function makeReadOnly(entry: MountEntry): void {
  if (isCovered(entry, readMounts())) return;
  const kept = parseMountOptions(entry.options).flags & PER_MOUNT_FLAGS;
  mount({ target: entry.mountPoint, flags: MS.remount | MS.bind | MS.rdonly | kept });
}

/** True when the path of `entry` leads to another mount: one on top of it, or on top of a directory above it. */
export function isCovered(entry: MountEntry, all: readonly MountEntry[]): boolean {
  const byId = new Map(all.map((one) => [one.id, one]));
  const chain = new Set<number>();
  for (
    let one: MountEntry | undefined = entry;
    one !== undefined && !chain.has(one.id);
    one = byId.get(one.parent)
  ) {
    chain.add(one.id);
  }
  const holds = (directory: string): boolean =>
    directory === "/" || entry.mountPoint === directory || entry.mountPoint.startsWith(`${directory}/`);
  return all.some((one) => !chain.has(one.id) && holds(one.mountPoint));
}

/** Detaching works at once, and nothing uses the stage. */
function dropStage(stage: string): void {
  for (let left = mountsAtOrBelow(stage); left.length > 0; left = mountsAtOrBelow(stage)) {
    unmount(stage, { detach: true });
  }
  rmdirSync(stage);
}
