/** Finds the program that a command line means, on the host. */
import type { HostFiles } from "../../../hcs/port/files.ts";
import { SpecError } from "../../../oci/errors.ts";
import {
  programCandidates,
  programPaths,
  type JobProcessPlan,
  type ProgramCandidate,
} from "../../../oci/windows/job-process.ts";

export interface FoundProgram {
  readonly path: string;
  /** With quotes where the program's path has blanks. */
  readonly commandLine: string;
}

/** @throws {SpecError} when there is no such program */
export async function findProgram(
  plan: JobProcessPlan,
  files: Pick<HostFiles, "stat">,
  signal: AbortSignal,
): Promise<FoundProgram> {
  for (const candidate of programCandidates(plan.commandLine)) {
    const path = await firstFile(candidate, plan, files, signal);
    if (path !== undefined) return { path, commandLine: candidate.commandLine };
  }
  throw new SpecError({
    at: "/process/args",
    rule: "failed to find executable in the working directory and in PATH",
    value: plan.commandLine,
  });
}

async function firstFile(
  { program }: ProgramCandidate,
  plan: JobProcessPlan,
  files: Pick<HostFiles, "stat">,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const path of programPaths(program, plan)) {
    if ((await files.stat(path, { signal }))?.kind === "file") return path;
  }
  return undefined;
}
