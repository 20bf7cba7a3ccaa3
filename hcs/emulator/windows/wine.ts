/** What runs Windows programs here: Wine, and the launcher that this project brings. */
import { execFileSync } from "node:child_process";
import { accessSync, constants, realpathSync } from "node:fs";
import { join } from "node:path";

export interface Wine {
  /** Runs one Windows program. Neither is a script: what a script of a distribution says would be output of containers. */
  readonly loader: string;
  /** The kernel objects, registry and file system of one container. */
  readonly server: string;
  /** Such as `wine-8.0`. */
  readonly version: string;
}

/** Candidates in order; Debian keeps the programs themselves behind scripts of the same names. */
const LOADERS = [
  "/usr/lib/wine/wine64",
  "/usr/bin/wine64",
  "/usr/local/bin/wine64",
  "/opt/wine-stable/bin/wine64",
];
const SERVERS = [
  "/usr/lib/wine/wineserver64",
  "/usr/bin/wineserver64",
  "/usr/bin/wineserver",
  "/usr/local/bin/wineserver",
  "/opt/wine-stable/bin/wineserver",
];

/** Name of the launcher, which lies beside the worker program. */
export const LAUNCHER = "CExecSvc.exe";

/** What is missing, as one sentence that says what to do. */
export const NO_WINE =
  "Windows programs are run by Wine here, and it is not installed: apt-get install --no-install-recommends wine wine64";

/** Undefined when Wine is not installed. */
export function findWine(): Wine | undefined {
  const loader = LOADERS.find(isProgram);
  const server = SERVERS.find(isProgram);
  if (loader === undefined || server === undefined) return undefined;
  return { loader, server, version: execFileSync(loader, ["--version"], { encoding: "utf8" }).trim() };
}

/** The launcher in `directory`. @throws when it has not been built */
export function requireLauncher(directory: string): string {
  const path = join(directory, LAUNCHER);
  try {
    accessSync(path, constants.R_OK);
  } catch (cause) {
    throw new Error(
      `"${path}" is not there: install gcc-mingw-w64-x86-64-win32 and run npm run build, which compiles it`,
      { cause },
    );
  }
  return realpathSync(path);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
