/**
 * The files of a bundle directory that belong to the shim, and the names it knows others by
 * (docs of containerd's runtime v2: "Bundle").
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import path, { type PlatformPath } from "node:path";

export const BUNDLE_FILE = {
  /** OCI spec, by containerd. Absent for a sandbox of the Sandbox API. */
  config: "config.json",
  /** Address of the shim, by `start`; containerd 1.x finds a running shim by it. */
  address: "address",
  /** Process id of the shim, by `start`. */
  pid: "shim.pid",
  /** What the shim's runtime printed when it died. */
  panic: "panic.log",
  /** What this task holds, and its exit. */
  journal: "journal.jsonl",
  /** What a process that takes the task over has to know; present while the task lives in a shared process. */
  takeover: "takeover",
  /** Calls that a shared process has not answered. */
  calls: "calls.bin",
  /** FIFO that containerd reads the shim's log from (not on Windows). */
  log: "log",
  /** Mount point of the root file system, by containerd. */
  rootfs: "rootfs",
} as const;

/** Replaces a file in one step: a reader sees the old text or the new, never a part. */
export function writeFileAtomically(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: 0o644 });
  renameSync(temporary, path);
}

/** A small file's text without surrounding blanks; undefined when there is no such file. */
export function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** @param paths rules of the host that the bundle is on */
export function bundleFile(
  bundle: string,
  name: keyof typeof BUNDLE_FILE,
  paths: Pick<PlatformPath, "join"> = path,
): string {
  return paths.join(bundle, BUNDLE_FILE[name]);
}
