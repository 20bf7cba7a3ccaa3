/** Stopping and continuing all processes of a cgroup: freezer of cgroup v1, else `cgroup.freeze` of v2. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupsBelow, hierarchyOf, type CgroupHierarchy } from "./tree.ts";
import { until } from "../wait.ts";

interface Freezer {
  readonly hierarchy: CgroupHierarchy;
  readonly file: string;
  readonly frozen: string;
  readonly thawed: string;
  /** Whether the group itself was frozen; a group below a frozen one is not, though its processes stand still. */
  ownState(group: string): boolean;
  /** Whether all processes stand still. */
  settled(group: string): boolean;
}

function freezerOf(hierarchies: readonly CgroupHierarchy[]): Freezer {
  const v1 = hierarchyOf(hierarchies, "freezer");
  if (v1 !== undefined) {
    return {
      hierarchy: v1,
      file: "freezer.state",
      frozen: "FROZEN",
      thawed: "THAWED",
      ownState: (group) => readText(group, "freezer.self_freezing") === "1",
      settled: (group) => readText(group, "freezer.state") === "FROZEN",
    };
  }
  const v2 = hierarchies.find(({ version }) => version === 2);
  if (v2 === undefined) throw new Error("cannot freeze: no cgroup hierarchy with a freezer is mounted");
  return {
    hierarchy: v2,
    file: "cgroup.freeze",
    frozen: "1",
    thawed: "0",
    ownState: (group) => readText(group, "cgroup.freeze") === "1",
    settled: (group) => /^frozen 1$/m.test(readText(group, "cgroup.events") ?? ""),
  };
}

/** Whether group `path` is frozen by itself (not through a group above it). False for a group that does not exist. */
export function isFrozen(path: string, hierarchies: readonly CgroupHierarchy[]): boolean {
  const freezer = freezerOf(hierarchies);
  return freezer.ownState(join(freezer.hierarchy.mountPoint, path));
}

/** After so many looks the group is thawed for a moment: v1 can wait for ever on a child that its parent waits for. */
const LOOKS_BEFORE_RETRY = 50;

/**
 * Freezes group `path` with everything below, and resolves when all its processes stand still. When `signal` fires
 * first, the group is thawed again.
 */
export async function freeze(
  path: string,
  hierarchies: readonly CgroupHierarchy[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const freezer = freezerOf(hierarchies);
  const group = join(freezer.hierarchy.mountPoint, path);
  let looks = 0;
  try {
    await until(
      () => {
        if (looks++ % LOOKS_BEFORE_RETRY === LOOKS_BEFORE_RETRY - 1) write(group, freezer, freezer.thawed);
        // v1 freezes what has appeared since the last time only when asked again.
        if (!write(group, freezer, freezer.frozen)) throw new Error(`cannot freeze: no cgroup "${path}"`);
        return freezer.settled(group);
      },
      { what: `cgroup "${path}" is frozen`, signal },
    );
  } catch (error) {
    write(group, freezer, freezer.thawed);
    throw error;
  }
}

/** Thaws group `path`: its processes run again, unless a group above is frozen. */
export function thaw(path: string, hierarchies: readonly CgroupHierarchy[]): void {
  const freezer = freezerOf(hierarchies);
  write(join(freezer.hierarchy.mountPoint, path), freezer, freezer.thawed);
}

/** Thaws group `path` and every group below: a killed process that is frozen does not die. */
export function thawTree(path: string, hierarchies: readonly CgroupHierarchy[]): void {
  const freezer = freezerOf(hierarchies);
  for (const group of cgroupsBelow(freezer.hierarchy, path)) {
    if (freezer.ownState(group)) write(group, freezer, freezer.thawed);
  }
}

/** The group below `path` whose last path component is `name`, at depth two: `<path>/<sandbox>/<name>`. */
export function findGroup(
  path: string,
  name: string,
  hierarchies: readonly CgroupHierarchy[],
): string | undefined {
  const { hierarchy } = freezerOf(hierarchies);
  const depth = path.split("/").length + 2;
  return cgroupsBelow(hierarchy, path)
    .map((directory) => directory.slice(hierarchy.mountPoint.length))
    .find((group) => group.split("/").length === depth && group.endsWith(`/${name}`));
}

/** False when the group is gone, and its processes with it. */
function write(group: string, freezer: Freezer, value: string): boolean {
  try {
    writeFileSync(join(group, freezer.file), value);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENODEV") return false;
    throw error;
  }
}

function readText(group: string, file: string): string | undefined {
  try {
    return readFileSync(join(group, file), "utf8").trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENODEV") return undefined;
    throw error;
  }
}
