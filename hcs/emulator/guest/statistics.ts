/**
 * Metrics of a container in the shape of cgroup v1, whatever the kernel has: a guest on cgroup v2 converts its own.
 * Zero members are left out, block io is always empty: both as the agent this one stands for does it.
 *
 * Sources: Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst of the kernel.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type {
  Count,
  CpuMetrics,
  HugetlbMetrics,
  LinuxMetrics,
  MemoryEntry,
  MemoryMetrics,
} from "../../guest/properties.ts";
import { hierarchyOf, type CgroupHierarchy } from "../cgroup/tree.ts";

/** USER_HZ is 100 on every Linux: a tick is 10 ms. */
const NS_PER_TICK = 10_000_000n;
const NS_PER_US = 1000n;
/** What v1 reports as a memory limit where there is none: the largest page count, in bytes. */
const NO_LIMIT = 0x7fff_ffff_ffff_f000n;

/** Members of `memory.stat` (v1) and what they are called in the metrics. */
const MEMORY_STAT_V1: readonly (readonly [string, keyof MemoryMetrics])[] = [
  ...(
    [
      ["cache", "cache"],
      ["rss", "rss"],
      ["rss_huge", "rss_huge"],
      ["mapped_file", "mapped_file"],
      ["dirty", "dirty"],
      ["writeback", "writeback"],
      ["pgpgin", "pg_pg_in"],
      ["pgpgout", "pg_pg_out"],
      ["pgfault", "pg_fault"],
      ["pgmajfault", "pg_maj_fault"],
      ["inactive_anon", "inactive_anon"],
      ["active_anon", "active_anon"],
      ["inactive_file", "inactive_file"],
      ["active_file", "active_file"],
      ["unevictable", "unevictable"],
    ] as const
  ).flatMap(([file, name]) => [[file, name] as const, [`total_${file}`, `total_${name}`] as const]),
  ["hierarchical_memory_limit", "hierarchical_memory_limit"],
  ["hierarchical_memsw_limit", "hierarchical_swap_limit"],
];

/** Members of `memory.stat` (v2): each counts the whole subtree, so it is the total as well. */
const MEMORY_STAT_V2: readonly (readonly [string, keyof MemoryMetrics, keyof MemoryMetrics])[] = [
  ["file", "cache", "total_cache"],
  ["anon", "rss", "total_rss"],
  ["anon_thp", "rss_huge", "total_rss_huge"],
  ["file_mapped", "mapped_file", "total_mapped_file"],
  ["file_dirty", "dirty", "total_dirty"],
  ["file_writeback", "writeback", "total_writeback"],
  ["pgfault", "pg_fault", "total_pg_fault"],
  ["pgmajfault", "pg_maj_fault", "total_pg_maj_fault"],
  ["inactive_anon", "inactive_anon", "total_inactive_anon"],
  ["active_anon", "active_anon", "total_active_anon"],
  ["inactive_file", "inactive_file", "total_inactive_file"],
  ["active_file", "active_file", "total_active_file"],
  ["unevictable", "unevictable", "total_unevictable"],
];

/** Files of v1 that make up each memory entry. */
const MEMORY_ENTRIES_V1: readonly (readonly ["usage" | "swap" | "kernel" | "kernel_tcp", string])[] = [
  ["usage", "memory"],
  ["swap", "memory.memsw"],
  ["kernel", "memory.kmem"],
  ["kernel_tcp", "memory.kmem.tcp"],
];

/** The metrics of group `path`. A controller that the kernel lacks contributes nothing. */
export function readMetrics(path: string, hierarchies: readonly CgroupHierarchy[]): LinuxMetrics {
  const group = (controller: string): Group | undefined => {
    const hierarchy = hierarchyOf(hierarchies, controller);
    return hierarchy && new Group(hierarchy.version, join(hierarchy.mountPoint, path));
  };
  const memory = group("memory");
  const hugetlb = hugetlbMetrics(group("hugetlb"));
  return {
    ...(hugetlb.length === 0 ? {} : { hugetlb }),
    pids: pidsMetrics(group("pids")),
    cpu: cpuMetrics(group("cpuacct"), group("cpu")),
    memory:
      memory === undefined ? {} : memory.version === 1 ? memoryMetricsV1(memory) : memoryMetricsV2(memory),
    blkio: {},
    memory_oom_control: oomMetrics(memory),
  };
}

function pidsMetrics(group: Group | undefined): NonNullable<LinuxMetrics["pids"]> {
  return nonZero({ current: group?.number("pids.current"), limit: group?.number("pids.max") });
}

function cpuMetrics(accounting: Group | undefined, cpu: Group | undefined): CpuMetrics {
  const throttling = cpu?.table("cpu.stat");
  const common = {
    periods: throttling?.get("nr_periods"),
    throttled_periods: throttling?.get("nr_throttled"),
  };
  if (cpu?.version === 2) {
    const ns = (name: string): bigint => (throttling?.get(name) ?? 0n) * NS_PER_US;
    return {
      usage: nonZero({ total: ns("usage_usec"), kernel: ns("system_usec"), user: ns("user_usec") }),
      throttling: nonZero({ ...common, throttled_time: ns("throttled_usec") }),
    };
  }
  const ticks = accounting?.table("cpuacct.stat");
  const perCpu = accounting?.words("cpuacct.usage_percpu").map((word) => countOf(BigInt(word))) ?? [];
  return {
    usage: {
      ...nonZero({
        total: accounting?.number("cpuacct.usage"),
        kernel: (ticks?.get("system") ?? 0n) * NS_PER_TICK,
        user: (ticks?.get("user") ?? 0n) * NS_PER_TICK,
      }),
      ...(perCpu.length === 0 ? {} : { per_cpu: perCpu }),
    },
    throttling: nonZero({ ...common, throttled_time: throttling?.get("throttled_time") }),
  };
}

function memoryMetricsV1(group: Group): MemoryMetrics {
  const stat = group.table("memory.stat");
  const metrics = nonZero(Object.fromEntries(MEMORY_STAT_V1.map(([file, name]) => [name, stat.get(file)])));
  const entries = MEMORY_ENTRIES_V1.map(([name, prefix]): readonly [string, MemoryEntry] => [
    name,
    nonZero({
      limit: group.number(`${prefix}.limit_in_bytes`),
      usage: group.number(`${prefix}.usage_in_bytes`),
      max: group.number(`${prefix}.max_usage_in_bytes`),
      failcnt: group.number(`${prefix}.failcnt`),
    }),
  ]);
  return { ...metrics, ...Object.fromEntries(entries) };
}

function memoryMetricsV2(group: Group): MemoryMetrics {
  const stat = group.table("memory.stat");
  const metrics = nonZero(
    Object.fromEntries(
      MEMORY_STAT_V2.flatMap(([file, name, total]) => [
        [name, stat.get(file)] as const,
        [total, stat.get(file)] as const,
      ]),
    ),
  );
  const usage = group.number("memory.current") ?? 0n;
  const limit = group.number("memory.max") ?? NO_LIMIT;
  const swapLimit = group.number("memory.swap.max");
  // The v1 entry "swap" counts memory and swap together.
  const both = swapLimit === undefined || limit === NO_LIMIT ? NO_LIMIT : limit + swapLimit;
  return {
    ...metrics,
    ...nonZero({ hierarchical_memory_limit: limit, hierarchical_swap_limit: both }),
    usage: nonZero({
      limit,
      usage,
      max: group.number("memory.peak"),
      failcnt: group.table("memory.events").get("max"),
    }),
    swap: nonZero({ limit: both, usage: usage + (group.number("memory.swap.current") ?? 0n) }),
    kernel: nonZero({
      limit: NO_LIMIT,
      usage: stat.get("kernel") ?? (stat.get("kernel_stack") ?? 0n) + (stat.get("slab") ?? 0n),
    }),
    kernel_tcp: nonZero({ limit: NO_LIMIT, usage: stat.get("sock") }),
  };
}

function oomMetrics(group: Group | undefined): NonNullable<LinuxMetrics["memory_oom_control"]> {
  const table = group?.table(group.version === 1 ? "memory.oom_control" : "memory.events");
  return nonZero({
    oom_kill_disable: table?.get("oom_kill_disable"),
    under_oom: table?.get("under_oom"),
    oom_kill: table?.get("oom_kill"),
  });
}

function hugetlbMetrics(group: Group | undefined): HugetlbMetrics[] {
  if (group === undefined) return [];
  const sizes = group
    .files()
    .map((name) => /^hugetlb\.(\w+)\.(?:usage_in_bytes|current)$/.exec(name)?.[1])
    .filter((size) => size !== undefined);
  return sizes.map((pagesize) => ({
    ...nonZero(
      group.version === 1
        ? {
            usage: group.number(`hugetlb.${pagesize}.usage_in_bytes`),
            max: group.number(`hugetlb.${pagesize}.max_usage_in_bytes`),
            failcnt: group.number(`hugetlb.${pagesize}.failcnt`),
          }
        : { usage: group.number(`hugetlb.${pagesize}.current`) },
    ),
    pagesize,
  }));
}

/** A `number` where it is exact. */
function countOf(value: bigint): Count {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

function nonZero<Key extends string>(
  values: Readonly<Partial<Record<Key, bigint | undefined>>>,
): { [Name in Key]?: Count } {
  const kept: { [Name in Key]?: Count } = {};
  for (const key of Object.keys(values) as Key[]) {
    const value = values[key];
    if (value !== undefined && value !== 0n) kept[key] = countOf(value);
  }
  return kept;
}

/** The control files of one group. A file that this kernel does not have reads as empty. */
class Group {
  readonly version: 1 | 2;
  readonly #directory: string;

  constructor(version: 1 | 2, directory: string) {
    this.version = version;
    this.#directory = directory;
  }

  /** The number in a file; undefined for `max`, which means no limit, and for a file that does not exist. */
  number(file: string): bigint | undefined {
    const text = this.#text(file).trim();
    return /^\d+$/.test(text) ? BigInt(text) : undefined;
  }

  /** Lines of `name value`. */
  table(file: string): ReadonlyMap<string, bigint> {
    return new Map(
      [...this.#text(file).matchAll(/^(\S+) (\d+)$/gm)].map(([, name, value]) => [
        name ?? "",
        BigInt(value ?? 0),
      ]),
    );
  }

  words(file: string): string[] {
    const text = this.#text(file).trim();
    return text === "" ? [] : text.split(/\s+/);
  }

  files(): string[] {
    try {
      return readdirSync(this.#directory);
    } catch (error) {
      if (isGone(error)) return [];
      throw error;
    }
  }

  #text(file: string): string {
    try {
      return readFileSync(join(this.#directory, file), "utf8");
    } catch (error) {
      if (isGone(error)) return "";
      throw error;
    }
  }
}

/** ENODEV: the group was removed while the file was open. EOPNOTSUPP: the controller is off. */
function isGone(error: unknown): boolean {
  return ["ENOENT", "ENODEV", "EOPNOTSUPP"].includes((error as NodeJS.ErrnoException).code ?? "");
}
