/** This project's own programs inside the emulator's Windows containers: built where the compiler is installed. */
import { spawnSync } from "node:child_process";
import { basename, join } from "node:path";
import { LAUNCHER, OWN_PROGRAMS } from "../../hcs/emulator/windows/wine.ts";
import { findProgram } from "../setup/programs.ts";
import { MINGW } from "../setup/requirements.ts";
import { ROOT } from "./bundle.ts";

const SOURCES = join(ROOT, "hcs/emulator/windows/programs");
const FLAGS = ["-municode", "-O2", "-s", "-Wall", "-Wextra", "-Werror"];
const LIBRARIES: Readonly<Record<string, readonly string[]>> = { "ping.exe": ["-liphlpapi", "-lws2_32"] };
/** What a program is made of beside the file of its own name. */
const PARTS: Readonly<Record<string, readonly string[]>> = { [LAUNCHER]: ["pipe-relay.c"] };
/** Those whose arguments are plain text. */
const NARROW: ReadonlySet<string> = new Set(["ping.exe"]);

export function hasWindowsCompiler(): boolean {
  return findProgram(MINGW) !== undefined;
}

/**
 * Builds them into `directory`. Without the compiler there are none, and the emulator says so when a Windows container is
 * to be made.
 */
export function buildWindowsPrograms(directory: string): void {
  const compiler = findProgram(MINGW);
  if (compiler === undefined) return;
  for (const name of OWN_PROGRAMS) {
    const sources = [`${basename(name, ".exe")}.c`, ...(PARTS[name] ?? [])].map((file) =>
      join(SOURCES, file),
    );
    const flags = NARROW.has(name) ? FLAGS.slice(1) : FLAGS;
    const args = [...flags, "-o", join(directory, name), ...sources, ...(LIBRARIES[name] ?? [])];
    const run = spawnSync(compiler, args, { stdio: "inherit" });
    if (run.status !== 0) throw new Error(`cannot build ${name}: ${MINGW} failed`);
  }
}
