/**
 * What `GetProperties` of a guest answers (the `Properties` JSON text). Windows guests use the HCS shapes; a
 * Linux guest reports its process list and cgroup metrics.
 */
import type { ProcessListEntry, SystemStatistics } from "../schema/properties.ts";

export interface GuestProperties {
  ProcessList?: ProcessListEntry[];
  /** Windows guests. */
  Statistics?: SystemStatistics;
  /** Linux guests, for a query of `Statistics`. */
  LCOWMetrics?: LinuxMetrics;
  /** Windows containers: the GUID under which their Hyper-V sockets are known. */
  SystemGUID?: string;
}

/** A counter or limit of 64 bits: `bigint` where it exceeds 2^53. Zero members are left out. */
export type Count = number | bigint;

/** Cgroup v1 metrics of a container; guests on cgroup v2 convert theirs to this shape. */
export interface LinuxMetrics {
  hugetlb?: HugetlbMetrics[];
  pids?: { current?: Count; limit?: Count };
  cpu?: CpuMetrics;
  memory?: MemoryMetrics;
  /** Always empty: guests report no block io. */
  blkio?: Record<string, never>;
  memory_oom_control?: { oom_kill_disable?: Count; under_oom?: Count; oom_kill?: Count };
}

export interface HugetlbMetrics {
  usage?: Count;
  max?: Count;
  failcnt?: Count;
  pagesize?: string;
}

/** Times are nanoseconds. */
export interface CpuMetrics {
  usage?: { total?: Count; kernel?: Count; user?: Count; per_cpu?: Count[] };
  throttling?: { periods?: Count; throttled_periods?: Count; throttled_time?: Count };
}

/** Bytes; `pg_*` are page counts. */
export interface MemoryMetrics {
  cache?: Count;
  rss?: Count;
  rss_huge?: Count;
  mapped_file?: Count;
  dirty?: Count;
  writeback?: Count;
  pg_pg_in?: Count;
  pg_pg_out?: Count;
  pg_fault?: Count;
  pg_maj_fault?: Count;
  inactive_anon?: Count;
  active_anon?: Count;
  inactive_file?: Count;
  active_file?: Count;
  unevictable?: Count;
  hierarchical_memory_limit?: Count;
  hierarchical_swap_limit?: Count;
  total_cache?: Count;
  total_rss?: Count;
  total_rss_huge?: Count;
  total_mapped_file?: Count;
  total_dirty?: Count;
  total_writeback?: Count;
  total_pg_pg_in?: Count;
  total_pg_pg_out?: Count;
  total_pg_fault?: Count;
  total_pg_maj_fault?: Count;
  total_inactive_anon?: Count;
  total_active_anon?: Count;
  total_inactive_file?: Count;
  total_active_file?: Count;
  total_unevictable?: Count;
  usage?: MemoryEntry;
  swap?: MemoryEntry;
  kernel?: MemoryEntry;
  kernel_tcp?: MemoryEntry;
}

export interface MemoryEntry {
  limit?: Count;
  usage?: Count;
  max?: Count;
  failcnt?: Count;
}
