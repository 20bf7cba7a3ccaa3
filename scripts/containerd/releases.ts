/** The containerd releases that the integration tests run against, and where each is found. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "../../test/support/command.ts";
import { cacheDirectory } from "../setup/cache.ts";
import { findProgram, isExecutable } from "../setup/programs.ts";

/** A line of containerd releases. */
export interface ContainerdRelease {
  /** How people call the line: `1.6`. */
  readonly line: string;
  /** The version it stands at in the suite below, as far as we know; the suite may move on within the line. */
  readonly version: string;
  /** The Debian suite that has it. */
  readonly suite: string;
  /** Versions that are as good. */
  readonly accepts: RegExp;
}

/** Oldest first. */
export const RELEASES: readonly ContainerdRelease[] = [
  { line: "1.6", version: "1.6.20", suite: "bookworm", accepts: /^1\.6\./ },
  { line: "1.7", version: "1.7.24", suite: "trixie", accepts: /^1\.7\./ },
  { line: "2.1", version: "2.1.9", suite: "sid", accepts: /^2\.([1-9]|\d\d)\./ },
];

/** An installed or unpacked containerd. */
export interface ContainerdInstallation {
  readonly line: string;
  /** What `containerd --version` says: `1.7.24`. */
  readonly version: string;
  /** Folder with `containerd`, `ctr` and `containerd-shim-runc-v2`. */
  readonly directory: string;
}

/** The folder in the cache that holds one folder per fetched version. */
export function containerdCache(): string {
  return join(cacheDirectory(), "containerd");
}

/** A release's installation: the machine's own when that is of the line, else one in the cache. */
export async function findRelease(release: ContainerdRelease): Promise<ContainerdInstallation | undefined> {
  const installed = findProgram("containerd");
  const folders = installed === undefined ? [] : [join(installed, "..")];
  const cache = containerdCache();
  const fetched = await readdir(cache).catch(() => []);
  folders.push(
    ...fetched.filter((name) => release.accepts.test(name)).map((name) => join(cache, name, "usr/bin")),
  );
  for (const directory of folders) {
    const installation = await inspectInstallation(release.line, directory);
    if (installation !== undefined && release.accepts.test(installation.version)) return installation;
  }
  return undefined;
}

/** What a folder holds; undefined unless all three programs are there and run. */
export async function inspectInstallation(
  line: string,
  directory: string,
): Promise<ContainerdInstallation | undefined> {
  const programs = ["containerd", "ctr", "containerd-shim-runc-v2"];
  if (!programs.every((program) => isExecutable(join(directory, program)))) return undefined;
  const [containerd, shim] = await Promise.all([
    runCommand(join(directory, "containerd"), ["--version"]),
    runCommand(join(directory, "containerd-shim-runc-v2"), ["-v"]),
  ]);
  const version = / v?(\d+\.\d+\.\d+)/.exec(containerd.stdout.toString("utf8"))?.[1];
  return version === undefined || shim.code !== 0 ? undefined : { line, version, directory };
}
