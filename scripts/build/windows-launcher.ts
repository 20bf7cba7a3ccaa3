/** The launcher inside the emulator's Windows containers, a program for Windows: built where its compiler is installed. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { LAUNCHER } from "../../hcs/emulator/windows/wine.ts";
import { findProgram } from "../setup/programs.ts";
import { MINGW } from "../setup/requirements.ts";
import { ROOT } from "./bundle.ts";

const SOURCE = join(ROOT, "hcs/emulator/windows/launcher/CExecSvc.c");

export function hasWindowsCompiler(): boolean {
  return findProgram(MINGW) !== undefined;
}

/**
 * Builds it into `directory`. Without the compiler there is none, and the emulator says so when a Windows container is
 * to be made.
 */
export function buildWindowsLauncher(directory: string): void {
  const compiler = findProgram(MINGW);
  if (compiler === undefined) return;
  const flags = ["-municode", "-O2", "-s", "-Wall", "-Wextra", "-Werror"];
  const run = spawnSync(compiler, [...flags, "-o", join(directory, LAUNCHER), SOURCE], { stdio: "inherit" });
  if (run.status !== 0) throw new Error(`cannot build ${LAUNCHER}: ${MINGW} failed`);
}
