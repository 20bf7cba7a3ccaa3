/** Programs that tests run in Windows containers (test/windows/programs), built where they are wanted. */
import { join } from "node:path";
import { findProgram } from "../../scripts/setup/programs.ts";
import { MINGW } from "../../scripts/setup/requirements.ts";
import { mustRun } from "./command.ts";

const SOURCES = join(import.meta.dirname, "../windows/programs");

export function buildProbe(target: string): Promise<void> {
  return build("probe.c", target, ["-lws2_32"]);
}

/** The program that tells its arguments. */
export function buildArguments(target: string): Promise<void> {
  return build("arguments.c", target, ["-municode"]);
}

async function build(source: string, target: string, flags: readonly string[]): Promise<void> {
  const compiler = findProgram(MINGW);
  if (compiler === undefined) throw new Error(`cannot build "${target}": ${MINGW} is not installed`);
  const strict = ["-O2", "-s", "-Wall", "-Wextra", "-Werror"];
  await mustRun(compiler, [...strict, "-o", target, join(SOURCES, source), ...flags]);
}
