/** What a Windows container tells about itself: its processes and what it has used. */
import { readFileSync, readlinkSync } from "node:fs";
import type { ProcessListEntry, SystemStatistics } from "../../../schema/properties.ts";
import type { CgroupHierarchy } from "../../cgroup/tree.ts";
import { cgroupStatistics } from "../../cgroup/system-statistics.ts";
import { imageName } from "./silo-spec.ts";

/** USER_HZ is 100 on every Linux: a tick is 10 ms. */
const UNITS_PER_TICK = 100_000;
const KIBIBYTE = 1024;

/** What Windows programs run in, whatever they are. */
const WINE_LOADER = /\/wine(?:64)?(?:-preloader)?$/;

/** Services of Windows itself, which Wine runs in each container. */
const SERVICES: ReadonlySet<string> = new Set([
  "conhost.exe",
  "explorer.exe",
  "plugplay.exe",
  "rpcss.exe",
  "services.exe",
  "svchost.exe",
  "winedevice.exe",
]);

/** Those that a job would have: the services around it are not the job's. */
export function withoutServices(processes: readonly ProcessListEntry[]): ProcessListEntry[] {
  return processes.filter(({ ImageName = "" }) => !SERVICES.has(ImageName.toLowerCase()));
}

/**
 * Windows processes only: the server and the shell around them stand for the kernel.
 *
 * @param nameOf the image of a process that was started from outside: its launcher has the pid
 */
export function processList(
  pids: readonly number[],
  nameOf: (pid: number) => string | undefined,
): ProcessListEntry[] {
  return pids.flatMap((pid) => {
    try {
      if (!WINE_LOADER.test(readlinkSync(`/proc/${pid}/exe`))) return [];
      return [describe(pid, nameOf(pid) ?? imageName(readFileSync(`/proc/${pid}/cmdline`, "utf8")))];
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // It has ended since the list was made.
      if (code === "ENOENT" || code === "ESRCH") return [];
      throw error;
    }
  });
}

/** proc(5): `stat` from the third field on, `status`. */
function describe(pid: number, ImageName: string): ProcessListEntry {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = (field: number): number => Number(fields[field - 3] ?? 0);
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * KIBIBYTE;
  return {
    ProcessId: pid,
    ImageName,
    CreateTimestamp: new Date(bootTime() + ticks(22) * 10).toISOString(),
    UserTime100ns: ticks(14) * UNITS_PER_TICK,
    KernelTime100ns: ticks(15) * UNITS_PER_TICK,
    MemoryCommitBytes: bytes("VmData"),
    MemoryWorkingSetPrivateBytes: bytes("RssAnon"),
    MemoryWorkingSetSharedBytes: bytes("RssFile") + bytes("RssShmem"),
  };
}

/** Milliseconds since the epoch. */
function bootTime(): number {
  return Number(/^btime (\d+)/m.exec(readFileSync("/proc/stat", "latin1"))?.[1] ?? 0) * 1000;
}

export function siloStatistics(
  cgroup: string,
  hierarchies: readonly CgroupHierarchy[],
  startedAt: Date | undefined,
): SystemStatistics {
  return cgroupStatistics(cgroup, hierarchies, startedAt?.toISOString());
}
