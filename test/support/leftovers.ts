/**
 * What a test left behind on the machine: processes, mounts, loop devices, network namespaces, cgroups,
 * files.
 *
 * Other suites may run on the same machine at the same time, so a test names the texts that mark things as its own
 * (a state directory, the key of a system id); without marks everything counts.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupHierarchies, cgroupsBelow } from "../../hcs/emulator/cgroup/tree.ts";
import { listLoopDevices } from "../../hcs/emulator/storage/loop-devices.ts";
import { readMounts } from "../../hcs/emulator/storage/mount-table.ts";
import { listProcesses } from "./proc.ts";
import { until } from "./until.ts";

export interface LeftoverScope {
  /** Only what mentions one of these texts counts. */
  readonly marks?: readonly string[];
  /** Everything in these directories counts, marked or not. */
  readonly directories?: readonly string[];
  /** Cgroups whose descendants are looked at; `/runhcs` unless said otherwise. */
  readonly cgroups?: readonly string[];
}

export interface Snapshot {
  /**
   * Passes when nothing is there that was not there when the snapshot was taken. What the kernel is still releasing
   * gets a moment.
   *
   * @throws with a line for each new thing
   */
  assertNothingNew(): Promise<void>;
}

const SETTLE_TIMEOUT_MS = 5000;

export function snapshot(scope: LeftoverScope = {}): Snapshot {
  const before = new Set(survey(scope));
  const added = (): string[] => survey(scope).filter((line) => !before.has(line));
  return {
    async assertNothingNew() {
      await until("everything a test made to be gone", () => added().length === 0, {
        timeoutMs: SETTLE_TIMEOUT_MS,
        state: () => `left over:\n  ${added().join("\n  ")}`,
      });
    },
  };
}

function survey({ marks = [], directories = [], cgroups = ["/runhcs"] }: LeftoverScope): string[] {
  const isMarked = (line: string): boolean => marks.length === 0 || marks.some((mark) => line.includes(mark));
  const everywhere = [
    ...processes(),
    ...readMounts().map(
      ({ id, mountPoint, type, source }) => `mount ${id} ${mountPoint} (${type} ${source})`,
    ),
    ...listLoopDevices().map(({ device, image }) => `loop device ${device} of ${image}`),
    ...entries("/run/netns").map((name) => `network namespace ${name}`),
    ...cgroups.flatMap((path) =>
      cgroupHierarchies().flatMap((one) => cgroupsBelow(one, path).map((group) => `cgroup ${group}`)),
    ),
  ].filter(isMarked);
  return [
    ...everywhere,
    ...directories.flatMap((directory) => files(directory).map((path) => `file ${path}`)),
  ];
}

/** Programs only: kernel threads and zombies have no command line. */
function processes(): string[] {
  return listProcesses()
    .filter(({ pid, arguments: words }) => pid !== process.pid && words.length > 0)
    .map(({ pid, arguments: words }) => `process ${pid} ${words.join(" ")} in ${readCgroups(pid)}`);
}

/** `4:memory:/a` and `0::/b` as `/a /b`. */
function readCgroups(pid: number): string {
  try {
    const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n");
    return [...new Set(lines.map((line) => line.split(":").slice(2).join(":")))].join(" ");
  } catch {
    // It ended meanwhile.
    return "";
  }
}

function files(directory: string): string[] {
  return entries(directory, true).map((name) => join(directory, name));
}

function entries(directory: string, recursive = false): string[] {
  try {
    return readdirSync(directory, { recursive, encoding: "utf8" });
  } catch {
    return [];
  }
}
