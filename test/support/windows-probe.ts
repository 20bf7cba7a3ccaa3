/** The program that tests run in Windows containers (test/windows/programs/probe.c), built where it is wanted. */
import { join } from "node:path";
import { findProgram } from "../../scripts/setup/programs.ts";
import { MINGW } from "../../scripts/setup/requirements.ts";
import { mustRun } from "./command.ts";

const SOURCE = join(import.meta.dirname, "../windows/programs/probe.c");

export async function buildProbe(target: string): Promise<void> {
  const compiler = findProgram(MINGW);
  if (compiler === undefined) throw new Error(`cannot build "${target}": ${MINGW} is not installed`);
  await mustRun(compiler, ["-O2", "-s", "-Wall", "-Wextra", "-Werror", "-o", target, SOURCE, "-lws2_32"]);
}
