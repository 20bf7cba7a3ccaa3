/** `host.json`: what the host side keeps about a compute system, for whoever finds its directory. */
import { closeSync, openSync, readFileSync, readSync, renameSync, writeFileSync, writeSync } from "node:fs";
import type { SystemExit } from "../../api.ts";
import type { ProcessIdentity } from "./process-identity.ts";
import { hostPaths } from "./state-directory.ts";

export interface HostRecord {
  /** The process that made the system. */
  readonly creator: ProcessIdentity;
  /** `unshare`, parent of the worker. */
  readonly launcher?: ProcessIdentity;
  /** First process of the system's pid namespace: the system lives as long as it does. */
  readonly worker?: ProcessIdentity;
  /** Inode of the creator's handle in the worker (open-handles.ts). */
  readonly firstHandle?: string;
  /** ISO 8601. Absent while the system is being made: then it is not there yet for anybody but its creator. */
  readonly createdAt?: string;
}

/** Replaces the record of a system directory in one step, so that no reader sees half of it. */
export function writeHostRecord(directory: string, record: HostRecord): void {
  const { hostFile } = hostPaths(directory);
  const temporary = `${hostFile}.new`;
  writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
  renameSync(temporary, hostFile);
}

/** The record of a system directory; undefined when the directory is gone or was never finished. */
export function readHostRecord(directory: string): HostRecord | undefined {
  const value = readJson(hostPaths(directory).hostFile);
  const creator = readIdentity(value?.["creator"]);
  if (value === undefined || creator === undefined) return undefined;
  const launcher = readIdentity(value["launcher"]);
  const worker = readIdentity(value["worker"]);
  const firstHandle = value["firstHandle"];
  const createdAt = value["createdAt"];
  return {
    creator,
    ...(launcher === undefined ? {} : { launcher }),
    ...(worker === undefined ? {} : { worker }),
    ...(typeof firstHandle === "string" ? { firstHandle } : {}),
    ...(typeof createdAt === "string" ? { createdAt } : {}),
  };
}

/**
 * Claims the start of a system: a system starts once, whichever handle asks first.
 *
 * @returns false when it has been claimed before
 */
export function claimStart(directory: string): boolean {
  try {
    writeFileSync(hostPaths(directory).startedFile, new Date().toISOString(), { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** When the system was started, ISO 8601; undefined when it was not. */
export function readStartTime(directory: string): string | undefined {
  try {
    return readFileSync(hostPaths(directory).startedFile, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Notes why the system is about to end. The first reason stands. */
export function writeExit(directory: string, exit: SystemExit): void {
  let file: number;
  try {
    file = openSync(hostPaths(directory).exitFile, "r+");
  } catch (error) {
    // The directory has been removed: the system has ended before, for another reason.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  try {
    if (readExit(file) === undefined) writeSync(file, JSON.stringify(exit), 0);
  } finally {
    closeSync(file);
  }
}

/** What {@link writeExit} wrote to the exit file open as `file`, if anything. */
export function readExit(file: number): SystemExit | undefined {
  const buffer = Buffer.alloc(4096);
  const length = readSync(file, buffer, 0, buffer.length, 0);
  return length === 0 ? undefined : (JSON.parse(buffer.toString("utf8", 0, length)) as SystemExit);
}

function readJson(path: string): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}

function readIdentity(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { pid, startTime } = value as Partial<ProcessIdentity>;
  return Number.isInteger(pid) && Number.isInteger(startTime)
    ? ({ pid, startTime } as ProcessIdentity)
    : undefined;
}
