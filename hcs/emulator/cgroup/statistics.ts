/** What a cgroup has used, in the units of HCS statistics. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { hierarchyOf, type CgroupHierarchy } from "./tree.ts";

export interface CgroupUsage {
  /** Units of 100 ns. */
  readonly cpu: { readonly total: number; readonly user: number; readonly kernel: number };
  /** Bytes. */
  readonly memory: { readonly used: number; readonly peak: number; readonly anonymous: number };
  readonly storage: {
    readonly reads: number;
    readonly readBytes: number;
    readonly writes: number;
    readonly writeBytes: number;
  };
}

const NS_PER_UNIT = 100;
const UNITS_PER_US = 10;
/** USER_HZ is 100 on every Linux: a tick is 10 ms. */
const UNITS_PER_TICK = 100_000;

/** The usage of group `path` with everything below. What a missing controller would count is 0. */
export function cgroupUsage(path: string, hierarchies: readonly CgroupHierarchy[]): CgroupUsage {
  const group = (controller: string): Group | undefined => {
    const hierarchy = hierarchyOf(hierarchies, controller);
    return hierarchy && { version: hierarchy.version, directory: join(hierarchy.mountPoint, path) };
  };
  return {
    cpu: cpuUsage(group("cpuacct") ?? group("cpu")),
    memory: memoryUsage(group("memory")),
    storage: storageUsage(group("blkio") ?? group("io")),
  };
}

/** Bytes that group `path` may use; undefined without a limit. */
export function memoryLimit(path: string, hierarchies: readonly CgroupHierarchy[]): number | undefined {
  const hierarchy = hierarchyOf(hierarchies, "memory");
  if (hierarchy === undefined) return undefined;
  const { version, mountPoint } = hierarchy;
  const group = { version, directory: join(mountPoint, path) };
  const limit = Number(readText(group, version === 1 ? "memory.limit_in_bytes" : "memory.max"));
  // No limit reads as "max" with v2, as a number beyond all memory with v1.
  return limit > 0 && limit < Number.MAX_SAFE_INTEGER ? limit : undefined;
}

/** How many processes of group `path` were killed for lack of memory. 0 where the kernel does not count them. */
export function outOfMemoryKills(path: string, hierarchies: readonly CgroupHierarchy[]): number {
  const hierarchy = hierarchyOf(hierarchies, "memory");
  if (hierarchy === undefined) return 0;
  const { version, mountPoint } = hierarchy;
  const file = version === 1 ? "memory.oom_control" : "memory.events";
  return readTable({ version, directory: join(mountPoint, path) }, file).get("oom_kill") ?? 0;
}

interface Group {
  readonly version: 1 | 2;
  readonly directory: string;
}

function cpuUsage(group: Group | undefined): CgroupUsage["cpu"] {
  if (group === undefined) return { total: 0, user: 0, kernel: 0 };
  if (group.version === 2) {
    const stat = readTable(group, "cpu.stat");
    const units = (name: string): number => (stat.get(name) ?? 0) * UNITS_PER_US;
    return { total: units("usage_usec"), user: units("user_usec"), kernel: units("system_usec") };
  }
  const stat = readTable(group, "cpuacct.stat");
  return {
    total: Math.floor(readNumber(group, "cpuacct.usage") / NS_PER_UNIT),
    user: (stat.get("user") ?? 0) * UNITS_PER_TICK,
    kernel: (stat.get("system") ?? 0) * UNITS_PER_TICK,
  };
}

function memoryUsage(group: Group | undefined): CgroupUsage["memory"] {
  if (group === undefined) return { used: 0, peak: 0, anonymous: 0 };
  const stat = readTable(group, "memory.stat");
  if (group.version === 2) {
    const used = readNumber(group, "memory.current");
    // memory.peak exists since Linux 5.19.
    return { used, peak: Math.max(used, readNumber(group, "memory.peak")), anonymous: stat.get("anon") ?? 0 };
  }
  return {
    used: readNumber(group, "memory.usage_in_bytes"),
    peak: readNumber(group, "memory.max_usage_in_bytes"),
    anonymous: stat.get("total_rss") ?? 0,
  };
}

function storageUsage(group: Group | undefined): CgroupUsage["storage"] {
  const sum = { reads: 0, readBytes: 0, writes: 0, writeBytes: 0 };
  if (group === undefined) return sum;
  if (group.version === 2) {
    // 254:0 rbytes=90112 wbytes=0 rios=3 wios=0 dbytes=0 dios=0
    for (const [, name, value] of readText(group, "io.stat").matchAll(/ (\w+)=(\d+)/g)) {
      if (name === "rios") sum.reads += Number(value);
      if (name === "rbytes") sum.readBytes += Number(value);
      if (name === "wios") sum.writes += Number(value);
      if (name === "wbytes") sum.writeBytes += Number(value);
    }
    return sum;
  }
  // 254:0 Read 3
  const total = (file: string, operation: string): number =>
    [...readText(group, file).matchAll(/^\d+:\d+ (\w+) (\d+)$/gm)]
      .filter(([, name]) => name === operation)
      .reduce((bytes, [, , value]) => bytes + Number(value), 0);
  const operations = "blkio.throttle.io_serviced_recursive";
  const bytes = "blkio.throttle.io_service_bytes_recursive";
  return {
    reads: total(operations, "Read"),
    readBytes: total(bytes, "Read"),
    writes: total(operations, "Write"),
    writeBytes: total(bytes, "Write"),
  };
}

/** Lines of `name value`. */
function readTable(group: Group, file: string): Map<string, number> {
  const rows = readText(group, file).split("\n");
  return new Map(
    rows.map((row) => {
      const [name, value] = row.split(" ");
      return [name ?? "", Number(value ?? 0)];
    }),
  );
}

function readNumber(group: Group, file: string): number {
  const text = readText(group, file);
  return text === "" ? 0 : Number(text);
}

/** Empty for a file that this kernel does not have. */
function readText(group: Group, file: string): string {
  try {
    return readFileSync(join(group.directory, file), "utf8").trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENODEV") return "";
    throw error;
  }
}
