/** What runs Windows programs here: Wine, and the programs that this project brings. */
import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
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

/** Starts what runs in a container (programs/CExecSvc.c). */
export const LAUNCHER = "CExecSvc.exe";

/** This project's own programs in every container, over those of Wine. They lie beside the worker program. */
export const OWN_PROGRAMS: readonly string[] = [LAUNCHER, "ping.exe"];

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

/** Checks that `directory` has {@link OWN_PROGRAMS}. @throws when they have not been built */
export function requireOwnPrograms(directory: string): void {
  const missing = OWN_PROGRAMS.find((name) => !existsSync(join(directory, name)));
  if (missing === undefined) return;
  throw new Error(
    `"${join(directory, missing)}" is not there: install gcc-mingw-w64-x86-64 and run npm run build, which compiles it`,
  );
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
